import { type ByteMatcher, createByteMatcher } from "./byte-matcher.ts";
import type { Secret } from "./secret.ts";

/** Removes known secrets from one stream of bytes. */
export interface RedactorStream {
  /** What can be shown of all bytes so far; an end that may still become a secret is kept back. */
  push(chunk: Uint8Array): Uint8Array;
  /** What was kept back. The stream is over after this. */
  end(): Uint8Array;
}

/** Removes known secrets from what is about to be shown or stored. */
export interface Redactor {
  /** The text with `[secret]` for every secret in it. */
  redact(text: string): string;
  /** The same for bytes that come in pieces; a secret cut in two is found. */
  createStream(): RedactorStream;
}

const shown = new TextEncoder().encode("[secret]");
/** Shorter texts occur everywhere by chance; hiding them would hide the log and tell where they are. */
const shortest = 4;
const shortestEncoded = 6;

/**
 * Hides the values of secrets: plain, in base64 (also inside a longer base64 text, and its URL form), URL-encoded,
 * JSON-escaped, and each line of one that has several. Values of fewer than 4 bytes are not hidden.
 */
export function createRedactor(secrets: readonly (Secret | string)[]): Redactor {
  const values = secrets.map((secret) => (typeof secret === "string" ? secret : secret.reveal()));
  const forms = new Set(values.flatMap((value) => formsOf(value)));
  const encoder = new TextEncoder();
  const matcher = createByteMatcher([...forms].map((form) => encoder.encode(form)));
  const createStream = (): RedactorStream => createRedactorStream(matcher);
  return {
    createStream,
    redact: (text) => {
      if (forms.size === 0) return text;
      const stream = createStream();
      const head = stream.push(encoder.encode(text));
      return Buffer.concat([head, stream.end()]).toString("utf8");
    },
  };
}

function formsOf(value: string): readonly string[] {
  const lines = value.split(/\r?\n/).map((line) => line.trim());
  const texts = new Set([value, value.trim(), ...(lines.length > 1 ? lines : [])]);
  return [...texts]
    .filter((text) => Buffer.byteLength(text) >= shortest)
    .flatMap((text) => [text, ...urlForms(text), ...jsonForms(text), ...base64Forms(text)]);
}

function urlForms(text: string): readonly string[] {
  // A lone surrogate has no URL form.
  const encoded = encodeURIComponent(text.toWellFormed());
  const strict = encoded.replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const forms = [encoded, strict, encoded.replaceAll("%20", "+"), strict.replaceAll("%20", "+")];
  return forms.flatMap((form) => [
    form,
    form.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
  ]);
}

function jsonForms(text: string): readonly string[] {
  const escaped = JSON.stringify(text).slice(1, -1);
  const ascii = escaped.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return [escaped, ascii, escaped.replaceAll("/", "\\/"), ascii.replaceAll("/", "\\/")];
}

/** Base64 of a text at each of the three places where it can start, without the characters that its neighbours change. */
function base64Forms(text: string): readonly string[] {
  const bytes = Buffer.from(text, "utf8");
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    const first = Math.ceil((offset * 8) / 6);
    const last = Math.floor(((offset + bytes.length) * 8) / 6);
    const inner = encoded.slice(first, last);
    if (inner.length < shortestEncoded) return [];
    return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** A stretch of bytes that is hidden, by positions in the whole stream; the end is not in it. */
interface Hidden {
  readonly from: number;
  readonly to: number;
}

function createRedactorStream(matcher: ByteMatcher): RedactorStream {
  let state = matcher.start;
  /** Bytes that were read and not yet given out, and the position of the first. */
  let kept = new Uint8Array(0);
  let keptFrom = 0;
  let hidden: Hidden[] = [];

  function scan(chunk: Uint8Array, from: number): void {
    for (let index = 0; index < chunk.length; index += 1) {
      state = matcher.next(state, chunk[index] ?? 0);
      const length = matcher.matchLength(state);
      if (length > 0) addHidden(hidden, { from: from + index + 1 - length, to: from + index + 1 });
    }
  }

  /** Gives out everything before `until`, which no hidden stretch crosses. */
  function give(until: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let at = keptFrom;
    for (const { from, to } of hidden.filter((one) => one.to <= until)) {
      parts.push(kept.subarray(at - keptFrom, from - keptFrom), shown);
      at = to;
    }
    parts.push(kept.subarray(at - keptFrom, until - keptFrom));
    hidden = hidden.filter((one) => one.to > until);
    kept = kept.slice(until - keptFrom);
    keptFrom = until;
    return Buffer.concat(parts);
  }

  return {
    push: (chunk) => {
      scan(chunk, keptFrom + kept.length);
      kept = kept.length === 0 ? chunk.slice() : Buffer.concat([kept, chunk]);
      const safe = keptFrom + kept.length - matcher.pending(state);
      const crossing = hidden.find((one) => one.to > safe);
      return give(Math.min(safe, crossing?.from ?? safe));
    },
    end: () => {
      state = matcher.start;
      return give(keptFrom + kept.length);
    },
  };
}

/** Adds a stretch that ends behind all others, and merges it with those that it overlaps. */
function addHidden(hidden: Hidden[], added: Hidden): void {
  let { from } = added;
  for (let last = hidden.at(-1); last !== undefined && last.to > from; last = hidden.at(-1)) {
    from = Math.min(from, last.from);
    hidden.pop();
  }
  hidden.push({ from, to: added.to });
}
