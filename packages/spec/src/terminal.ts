/** Makes the bytes of a job's log safe to show. */
export interface TerminalFilter {
  /** The text that can be shown now; an unfinished sequence or character is kept back. */
  push(chunk: Uint8Array): string;
  /** What was kept back, and an end of colours when some are still on. */
  end(): string;
}

/** Longer sequences are none; what follows is text again, so that a stray one hides little. */
const longestSequence = 4096;

type State =
  | { readonly in: "text" }
  /** After ESC. */
  | { readonly in: "escape" }
  /** After ESC and an intermediate such as `(`. */
  | { readonly in: "short" }
  /** In a control sequence: ESC `[`. */
  | { readonly in: "control"; readonly parameters: string }
  /** In a string for the terminal (title, clipboard, link, …), which ends at BEL or ESC `\`. */
  | { readonly in: "string"; readonly length: number; readonly isEscaped: boolean };

const text: State = { in: "text" };

/**
 * Neutralises what a log could do to a terminal: of all control sequences only SGR (colours and the like) is left; titles,
 * clipboard, links, cursor moves, modes, their 8-bit forms and single control characters are dropped. Line feeds, tabs
 * and carriage returns stay. Bytes that are no UTF-8 become U+FFFD. Any cutting into chunks gives the same text.
 */
export function createTerminalFilter(): TerminalFilter {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let state: State = text;
  let isColoured = false;

  function show(decoded: string): string {
    let shown = "";
    let at = 0;
    while (at < decoded.length) {
      const plain = state.in === "text" ? plainLength(decoded, at) : 0;
      shown += decoded.slice(at, at + plain);
      at += plain;
      const character = decoded.charAt(at);
      at += 1;
      if (character === "") break;
      const step = advance(state, character);
      state = step.state;
      if (step.sgr !== undefined) isColoured = !/^[0;:]*$/.test(step.sgr);
      shown += step.sgr === undefined ? (step.shown ?? "") : `\u001b[${step.sgr}m`;
    }
    return shown;
  }

  return {
    push: (chunk) => show(decoder.decode(chunk, { stream: true })),
    end: () => {
      const rest = show(decoder.decode());
      const reset = isColoured ? "\u001b[0m" : "";
      state = text;
      isColoured = false;
      return rest + reset;
    },
  };
}

/** How many characters from `at` on are shown as they are. */
function plainLength(decoded: string, at: number): number {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;
  control.lastIndex = at;
  return (control.exec(decoded)?.index ?? decoded.length) - at;
}

interface Step {
  readonly state: State;
  readonly shown?: string;
  /** Parameters of a complete SGR sequence. */
  readonly sgr?: string;
}

function advance(state: State, character: string): Step {
  // CAN and SUB end any sequence.
  if (character === "\u0018" || character === "\u001a") return { state: text };
  switch (state.in) {
    case "text":
      return inText(character);
    case "escape":
      return afterEscape(character);
    case "short":
      return /[ -/]/.test(character) ? { state } : leave(character, /[0-~]/);
    case "control":
      return inControl(state.parameters, character);
    case "string":
      return inString(state, character);
  }
}

function inText(character: string): Step {
  if (character === "\u001b") return { state: { in: "escape" } };
  if (character === "\u009b") return { state: { in: "control", parameters: "" } };
  if (/[\u0090\u0098\u009d-\u009f]/.test(character)) return startString();
  return plainLength(character, 0) === 0 ? { state: text } : { state: text, shown: character };
}

function startString(): Step {
  return { state: { in: "string", length: 0, isEscaped: false } };
}

function afterEscape(character: string): Step {
  if (character === "[") return { state: { in: "control", parameters: "" } };
  if (/[\]PX^_]/.test(character)) return startString();
  if (/[ -/]/.test(character)) return { state: { in: "short" } };
  return leave(character, /[0-~]/);
}

/** Ends a sequence with its last character, which is dropped; anything else was no part of it. */
function leave(character: string, last: RegExp): Step {
  return last.test(character) ? { state: text } : inText(character);
}

function inControl(parameters: string, character: string): Step {
  if (/[ -?]/.test(character) && parameters.length < longestSequence) {
    return { state: { in: "control", parameters: parameters + character } };
  }
  const isSgr = character === "m" && parameters.length <= 64 && /^[\d;:]*$/.test(parameters);
  return isSgr ? { state: text, sgr: parameters } : leave(character, /[@-~]/);
}

function inString(state: State & { readonly in: "string" }, character: string): Step {
  if (character === "\u0007" || character === "\u009c") return { state: text };
  if (state.isEscaped) return character === "\\" ? { state: text } : afterEscape(character);
  if (character === "\u001b") return { state: { ...state, isEscaped: true } };
  // A line never belongs to a string that a log has reason to hold: better a torn title than a hidden log.
  const isOver = character === "\n" || state.length >= longestSequence;
  return isOver ? inText(character) : { state: { ...state, length: state.length + 1 } };
}
