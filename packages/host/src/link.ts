import type { Channel, Clock, ExecExit, Execution } from "@gpujob/spec";
import { formatBytes, GpujobError, PlatformError, supersededCode } from "@gpujob/spec";
import { startDeadline, toAborted, untilAborted } from "./deadline.ts";
import { readAll } from "./streams.ts";

/** How a call over the link is made. */
export interface CallOptions {
  readonly signal: AbortSignal;
  /** Named in errors. */
  readonly operation: string;
  readonly deadlineMs: number;
  /** Does it change something on the machine? Then a break half-way is `outcome_unknown`. */
  readonly isMutating?: boolean;
  readonly input?: Uint8Array | string;
}

/** The way to one machine: a channel, opened again where that is possible after it broke. */
export interface Link {
  /** Runs to the end and gives its output. Throws what the machine refused, as an error of ours. */
  call(argv: readonly string[], options: CallOptions): Promise<Buffer>;
  /** Starts a process whose streams the caller reads and writes. */
  start(argv: readonly string[], wait: { readonly signal: AbortSignal }): Promise<Execution>;
  /** Says that the link was seen broken, so that the next call opens another. */
  readonly markBroken: () => void;
  close(): Promise<void>;
}

const connectDeadlineMs = 60_000;
const outputLimit = 256 << 20;

/** Wraps a channel, or a way to open one; the second can recover from a broken link. */
export function createLink(source: Channel | (() => Promise<Channel>), clock: Clock): Link {
  let current: Promise<Channel> | undefined;
  const open = (): Promise<Channel> => {
    if (typeof source !== "function") return Promise.resolve(source);
    if (current) return current;
    const opening = source();
    current = opening;
    opening.catch(() => {
      if (current === opening) current = undefined;
    });
    return opening;
  };
  const markBroken = (): void => {
    const broken = current;
    current = undefined;
    void broken?.then((channel) => channel.close()).catch(() => undefined);
  };
  const start: Link["start"] = async (argv, { signal }) => {
    if (signal.aborted) throw toAborted(signal);
    const deadline = startDeadline(clock, connectDeadlineMs, { signal, operation: "connect" });
    try {
      const channel = await untilAborted(open(), deadline.signal);
      const execution = channel.exec(argv, { signal });
      // A write into a process that has ended must not end ours; the exit says the rest.
      execution.stdin.on("error", () => undefined);
      execution.exit.catch(() => undefined);
      return execution;
    } finally {
      deadline.done();
    }
  };
  return {
    start,
    markBroken,
    async call(argv, options) {
      const deadline = startDeadline(clock, options.deadlineMs, options);
      const stop = new AbortController();
      const signal = AbortSignal.any([deadline.signal, stop.signal]);
      let hasStarted = false;
      try {
        const execution = await start(argv, { signal });
        hasStarted = true;
        execution.stdin.end(options.input ?? "");
        const [stdout, stderr, exit] = await untilAborted(
          Promise.all([
            readAll(execution.stdout, outputLimit),
            readAll(execution.stderr, 1 << 20),
            execution.exit,
          ]),
          deadline.signal,
        );
        checkExit(exit, stdout, stderr, options.operation);
        return stdout;
      } catch (error) {
        throw explain(error, { ...options, deadline: deadline.signal, hasStarted, markBroken });
      } finally {
        deadline.done();
        stop.abort();
      }
    },
    async close() {
      const closing = typeof source === "function" ? current : Promise.resolve(source);
      current = undefined;
      await (await closing?.catch(() => undefined))?.close();
    },
  };
}

function explain(
  error: unknown,
  context: CallOptions & {
    readonly deadline: AbortSignal;
    readonly hasStarted: boolean;
    readonly markBroken: () => void;
  },
): unknown {
  if (context.signal.aborted) return toAborted(context.signal);
  if (GpujobError.is(error) && !PlatformError.is(error)) return error;
  const isBroken = !PlatformError.is(error) || error.kind === "unreachable";
  if (!isBroken) return error;
  context.markBroken();
  if (context.isMutating === true && context.hasStarted) {
    return new PlatformError(
      "outcome_unknown",
      `The link broke during ${context.operation}; whether the machine did it is not known. It is safe to ask again.`,
      { scope: "host", operation: context.operation, cause: error },
    );
  }
  if (PlatformError.is(error)) return error;
  return new PlatformError("unreachable", `The machine is gone (${context.operation}).`, {
    scope: "host",
    operation: context.operation,
    cause: error,
  });
}

/** Turns what the supervisor refused, and any other failure of a command, into an error. */
function checkExit(exit: ExecExit, stdout: Buffer, stderr: Buffer, operation: string): void {
  const refusal = /^E ([a-z-]+) ?(.*)$/m.exec(stdout.subarray(0, 4096).toString());
  if (refusal && exit.code === 40) throw toRefusal(refusal[1] ?? "", refusal[2] ?? "", operation);
  if (exit.code === 0) return;
  const how = exit.signal ?? `code ${exit.code ?? "unknown"}`;
  const words = stderr.toString().trim().split("\n").slice(-3).join(" ").slice(0, 500);
  if (exit.code === undefined) {
    throw new PlatformError(
      "unreachable",
      `${operation} ended by ${how} on the machine. ${words}`,
      {
        scope: "host",
        operation,
      },
    );
  }
  throw new PlatformError(
    "contract_violation",
    `${operation} failed on the machine with ${how}. ${words}`,
    { scope: "host", operation },
  );
}

/** Bytes needed and bytes free, where the supervisor knew both. */
function spaceIn(details: string): string {
  const [, needed, free] = /^(\d+) (\d+)$/.exec(details) ?? [];
  if (needed === undefined || free === undefined) return "";
  return `: ${formatBytes(Number(needed))} are needed, ${formatBytes(Number(free))} are free`;
}

/** An `E` line of the supervisor as an error. */
export function toRefusal(kind: string, details: string, operation: string): GpujobError {
  switch (kind) {
    case "forbidden":
      return new PlatformError(
        "forbidden",
        `Another driver has taken over this run (epoch ${details}); ${operation} was refused by the machine.`,
        {
          scope: "host",
          operation,
          platformCode: supersededCode,
          hint: "This process must stop driving the run.",
        },
      );
    case "absent":
      return new GpujobError(
        "not_found",
        `There is no such attempt on the machine (${operation}${details === "" ? "" : `: ${details}`}).`,
        { scope: "host", operation },
      );
    case "disk-full":
      return new GpujobError(
        "host_disk_full",
        `The machine's disk is full (${operation}${spaceIn(details)}).`,
        {
          scope: "host",
          operation,
          hint: "Ask for more disk, or free some on the machine.",
        },
      );
    case "copy":
      return new GpujobError(
        "host_disk_full",
        `A file could not be put into place (${operation}): ${details}`,
        {
          scope: "host",
          operation,
          hint: "Look for a full disk or missing rights on the machine.",
        },
      );
    case "tools":
      return new PlatformError(
        "unsupported_request",
        `The machine lacks programs that are needed: ${details}.`,
        { scope: "host", operation, hint: "Install them, or a busybox that has them." },
      );
    case "root":
      return new PlatformError(
        "unsupported_request",
        `The folder ${details} cannot be written on the machine.`,
        { scope: "host", operation, hint: "Name another one with `root:` for this host." },
      );
    default:
      return new PlatformError(
        "contract_violation",
        `The machine refused ${operation}: ${kind} ${details}`,
        { scope: "host", operation },
      );
  }
}
