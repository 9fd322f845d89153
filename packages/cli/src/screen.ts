import type { Output } from "./output.ts";

/** Everything shown while a run goes on: the job's log, our words, and one line that changes in place. */
export interface Screen {
  /** Bytes of the job's log. */
  log(bytes: Uint8Array | string): Promise<void>;
  /** Lines of ours, on stderr. */
  say(lines: readonly string[]): Promise<void>;
  /** What takes time now; `undefined` clears it. Without a live terminal it shows nothing. */
  live(text: string | undefined): Promise<void>;
  /** While held, output waits; `release` shows it. For a question on the same terminal. */
  hold(): Promise<void>;
  release(): Promise<void>;
}

interface LiveLine {
  (text: string): void;
  clear(): void;
}

/** A screen on the two outputs; `logTo` takes the job's log. */
export function createScreen(options: {
  readonly logTo: Output;
  readonly sayTo: Output;
  readonly startLive: (() => Promise<LiveLine>) | undefined;
}): Screen {
  const { logTo, sayTo, startLive } = options;
  const sharesTerminal = logTo.isTerminal && sayTo.isTerminal;
  let line: LiveLine | undefined;
  let shown: string | undefined;
  let isMidLine = false;
  let held: (() => Promise<void>)[] | undefined;

  const show = async (write: () => Promise<void>): Promise<void> => {
    if (held) {
      held.push(write);
      return;
    }
    if (shown !== undefined) line?.clear();
    await write();
    if (shown !== undefined && !isMidLine) line?.(shown);
  };
  return {
    log: (bytes) =>
      show(async () => {
        const end = bytes.at(-1);
        if (end !== undefined) isMidLine = end !== 10 && end !== "\n";
        await logTo.write(bytes);
      }),
    say: (lines) =>
      show(async () => {
        if (lines.length === 0) return;
        const start = isMidLine && sharesTerminal ? "\n" : "";
        isMidLine = sharesTerminal ? false : isMidLine;
        await sayTo.write(`${start}${lines.join("\n")}\n`);
      }),
    live: async (text) => {
      if (!startLive || held) return;
      if (text !== undefined) line ??= await startLive();
      shown = text;
      if (text === undefined) line?.clear();
      else if (!isMidLine) line?.(text);
    },
    hold: async () => {
      if (shown !== undefined) line?.clear();
      if (isMidLine && sharesTerminal) await sayTo.write("\n");
      isMidLine = false;
      held ??= [];
    },
    release: async () => {
      const waiting = held ?? [];
      held = undefined;
      for (const write of waiting) await show(write);
    },
  };
}
