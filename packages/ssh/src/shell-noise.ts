/** Takes away what a log-in shell's start-up files print before the program begins. */
export interface NoiseFilter {
  /** The part of a chunk that belongs to the program; `undefined` while it has not begun. */
  take(chunk: Buffer): Buffer | undefined;
  hasBegun(): boolean;
  /** The beginning of what was taken away, for a message. */
  text(): string;
  /** Called when the noise is over the limit. */
  onOverflow(listener: () => void): void;
}

const keptBytes = 1024;

/** Waits for the line `MARK:PID`; everything before it is noise, everything after it is the program's. */
export function createNoiseFilter(options: {
  readonly mark: string;
  readonly limitBytes: number;
  readonly onBegin: (pid: number) => void;
}): NoiseFilter {
  const { mark, limitBytes, onBegin } = options;
  // A shell that echoes its commands prints the mark too, but followed by `%s`, never by digits and a line end.
  const begin = new RegExp(`${mark}:(\\d{1,10})\\n`);
  const overlap = mark.length + 12;
  let seenBytes = 0;
  let head: Buffer = Buffer.alloc(0);
  let tail: Buffer = Buffer.alloc(0);
  let isBegun = false;
  let overflow = (): void => undefined;
  return {
    take: (chunk) => {
      if (isBegun) return chunk;
      const text = Buffer.concat([tail, chunk]);
      const found = begin.exec(text.toString("latin1"));
      if (found !== null) {
        isBegun = true;
        onBegin(Number(found[1]));
        return text.subarray(found.index + found[0].length);
      }
      tail = text.subarray(-overlap);
      if (head.length < keptBytes) head = Buffer.concat([head, chunk.subarray(0, keptBytes)]);
      seenBytes += chunk.length;
      if (seenBytes > limitBytes) overflow();
      return undefined;
    },
    hasBegun: () => isBegun,
    text: () => head.toString("utf8"),
    onOverflow: (listener) => void (overflow = listener),
  };
}
