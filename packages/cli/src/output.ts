import type { Writable } from "node:stream";

/** One of the two places we write to. A reader that went away ends only the display. */
export interface Output {
  readonly isTerminal: boolean;
  /** Width of the terminal now; `Infinity` where there is none. */
  columns(): number;
  /** Settles once the reader has kept up. After the reader is gone it does nothing. */
  write(content: string | Uint8Array): Promise<void>;
  /** Called once when the reader is gone, at once if it is already. */
  onGone(listener: () => void): void;
  /** Settles once everything written has left the process. */
  flush(): Promise<void>;
}

/** Wraps a stream of the process. */
export function createOutput(
  stream: Writable & { readonly isTTY?: boolean; readonly columns?: number },
): Output {
  let isGone = false;
  const listeners: (() => void)[] = [];
  // EPIPE: the pipe's reader ended. EIO: the terminal was closed. Both are the reader's right.
  stream.on("error", () => {
    isGone = true;
    for (const listener of listeners.splice(0)) listener();
  });
  const isTerminal = stream.isTTY === true;
  return {
    isTerminal,
    columns: () => (isTerminal ? (stream.columns ?? 80) : Number.POSITIVE_INFINITY),
    write: (content) =>
      new Promise((resolve) => {
        if (isGone) return resolve();
        stream.write(content, () => resolve());
      }),
    onGone: (listener) => {
      if (isGone) listener();
      else listeners.push(listener);
    },
    flush: () =>
      new Promise((resolve) => {
        if (isGone) return resolve();
        stream.write("", () => resolve());
      }),
  };
}
