import type { Clock, Execution, HostBeat } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { parseBeat } from "./beat.ts";
import { startDeadline, untilAborted } from "./deadline.ts";
import { toRefusal } from "./link.ts";
import { readLines } from "./streams.ts";

/** One long-lived channel per attempt: commands go in, answers and beats come out. */
export interface Control {
  /** Sends one command and gives the beat that came after it, or for `renew` the last one before the answer. */
  send(words: readonly string[], wait: { readonly signal: AbortSignal }): Promise<HostBeat>;
  /** Rejects when the channel has ended; never resolves. */
  readonly ended: Promise<never>;
  close(): void;
}

const commandDeadlineMs = 15_000;
/** The host gives up a control channel that was silent for two minutes. */
const pingMs = 30_000;

interface Pending {
  readonly operation: string;
  readonly resolve: (beat: HostBeat) => void;
  readonly reject: (error: unknown) => void;
}

/** Runs the protocol over a started `control` process. `silenceMs` without a beat ends it as unreachable. */
export function openControl(
  execution: Execution,
  options: {
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly silenceMs: number;
    readonly onBeat: (beat: HostBeat) => void;
  },
): Control {
  const pending = new Map<string, Pending>();
  const stop = new AbortController();
  const silence = startDeadline(options.clock, options.silenceMs, {
    signal: AbortSignal.any([options.signal, stop.signal]),
    operation: "watch",
  });
  let next = 0;
  let last: HostBeat | undefined;
  const onLine = (line: string): void => {
    silence.restart();
    const answer = /^R (\S+) (.*)$/.exec(line);
    if (!answer) {
      if (line.startsWith("E ")) throw refuse(line, "watch");
      last = parseBeat(line);
      options.onBeat(last);
      return;
    }
    const command = pending.get(answer[1] ?? "");
    const body = answer[2] ?? "";
    if (body.startsWith("E ")) throw refuse(body, command?.operation ?? "watch");
    command?.resolve(body === "ok" && last !== undefined ? last : parseBeat(body));
  };
  const read = async (): Promise<never> => {
    for await (const line of readLines(execution.stdout)) onLine(line);
    throw new PlatformError("unreachable", "The control channel to the machine has ended.", {
      scope: "host",
      operation: "watch",
    });
  };
  const ended = untilAborted(read(), silence.signal).catch((error: unknown) => {
    silence.done();
    stop.abort();
    for (const command of pending.values()) command.reject(lostAnswer(error, command.operation));
    throw error;
  });
  ended.catch(() => undefined);
  void ping(execution, options.clock, stop.signal);
  execution.stderr.resume();
  return {
    ended,
    async send(words, { signal }) {
      const id = String(++next);
      const operation = words[0] ?? "";
      const deadline = startDeadline(options.clock, commandDeadlineMs, { signal, operation });
      try {
        const answer = new Promise<HostBeat>((resolve, reject) => {
          pending.set(id, { operation, resolve, reject });
        });
        if (stop.signal.aborted) throw lostAnswer(undefined, operation);
        // Only to those that ask for it is a beat that is there already not said again.
        const brief = operation === "renew" && last !== undefined ? " brief" : "";
        execution.stdin.write(`${id} ${words.join(" ")}${brief}\n`);
        return await untilAborted(answer, deadline.signal);
      } finally {
        pending.delete(id);
        deadline.done();
      }
    },
    close() {
      stop.abort();
      execution.stdin.end();
    },
  };
}

async function ping(execution: Execution, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(pingMs, { signal }).catch(() => undefined);
    if (!signal.aborted && execution.stdin.writable) execution.stdin.write("ping\n");
  }
}

function refuse(line: string, operation: string): Error {
  const [, kind = "", ...details] = line.split(" ");
  return toRefusal(kind, details.join(" "), operation);
}

/** A refusal is an answer; anything else leaves open whether the command was done. */
function lostAnswer(error: unknown, operation: string): unknown {
  if (PlatformError.is(error) && (error.kind === "forbidden" || error.kind === "aborted")) {
    return error;
  }
  return new PlatformError(
    "outcome_unknown",
    `The link broke before the machine answered ${operation}. It is safe to ask again.`,
    { scope: "host", operation, cause: error },
  );
}
