import type { EventEmitter } from "node:events";
import { PassThrough, Readable } from "node:stream";
import { PlatformError, type ExecExit, type Execution } from "@gpujob/spec";
import type { ClientChannel } from "ssh2";
import { abandon } from "./abandon.ts";
import { aborted } from "./errors.ts";
import type { ChannelRequest, SshLink } from "./link.ts";
import { enterShell } from "./quote-argv.ts";
import { createNoiseFilter } from "./shell-noise.ts";

/** A program on the machine, with what is needed to end it. */
export interface StartedExecution extends Execution {
  /** Process id on the machine, which is its process group too; known once it has begun. */
  readonly pid: () => number | undefined;
  /** Ends our side of it; the machine's side sees its channel close. */
  readonly drop: (reason: PlatformError) => void;
}

/**
 * Starts a program. Answers at once: the streams begin to flow when the machine has started it. `onDropped` is called when
 * the signal has ended it, with the process id where it is known, so that the caller can end what the machine still runs.
 */
export function startExecution(
  link: SshLink,
  argv: readonly string[],
  options: {
    readonly signal: AbortSignal;
    readonly mark: string;
    readonly onDropped: (pid: number | undefined) => void;
  },
): StartedExecution {
  const { signal, mark, onDropped } = options;
  const command = enterShell(argv, mark);
  const what = `\`${argv[0] ?? ""}\``;
  const state: { pid?: number; channel?: ClientChannel; reason?: PlatformError } = {};
  const stop = new AbortController();
  const stdin = quiet(new PassThrough());
  const outputs = { stdout: createOutput(), stderr: createOutput() };

  const ended = Promise.withResolvers<ExecExit>();
  ended.promise.catch(() => undefined);
  const drop = (reason: PlatformError): void => {
    state.reason ??= reason;
    if (state.channel !== undefined) abandon(state.channel);
    stop.abort(reason);
    ended.reject(reason);
    for (const stream of [stdin, outputs.stdout.stream, outputs.stderr.stream])
      stream.destroy(reason);
  };
  const cancel = (): void => {
    drop(aborted(what, signal));
    onDropped(state.pid);
  };
  if (signal.aborted) drop(aborted(what, signal));
  else signal.addEventListener("abort", cancel, { once: true });

  const run = async (): Promise<ExecExit> => {
    if (state.reason !== undefined) throw state.reason;
    const onPid = (pid: number): void => void (state.pid = pid);
    const onOpen = (channel: ClientChannel): void => {
      state.channel = channel;
      attach(link, channel, { stdin, ...outputs, mark, onPid }).then(ended.resolve, ended.reject);
    };
    const start: ChannelRequest["start"] = (client, done) => client.exec(command, done);
    await link.openChannel({ what, start, onOpen }, { signal: stop.signal });
    return ended.promise;
  };
  const exit = run()
    .catch((error: unknown): never => {
      const reason = state.reason ?? (PlatformError.is(error) ? error : link.failure());
      drop(reason);
      throw reason;
    })
    .finally(() => signal.removeEventListener("abort", cancel));
  exit.catch(() => undefined);
  return {
    stdin,
    stdout: outputs.stdout.stream,
    stderr: outputs.stderr.stream,
    exit,
    pid: () => state.pid,
    drop,
  };
}

/** A stream whose failure is told by `exit`; it must not end the whole process when nobody listens here. */
function quiet<Stream extends EventEmitter>(stream: Stream): Stream {
  stream.on("error", () => undefined);
  return stream;
}

interface Output {
  readonly stream: Readable;
  /** Lets a source flow into the stream at the speed of its reader. */
  readonly feed: (source: Readable, filter: (chunk: Buffer) => Buffer | undefined) => void;
}

function createOutput(): Output {
  let source: Readable | undefined;
  const stream = quiet(
    new Readable({ read: () => void source?.resume(), highWaterMark: 256 * 1024 }),
  );
  return {
    stream,
    feed: (from, filter) => {
      source = from;
      from.on("data", (chunk: Buffer) => {
        const rest = filter(chunk);
        if (stream.destroyed || rest === undefined || rest.length === 0) return;
        if (!stream.push(rest)) from.pause();
      });
      from.on("end", () => {
        if (!stream.destroyed) stream.push(null);
      });
    },
  };
}

interface Wiring {
  readonly stdin: PassThrough;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly mark: string;
  readonly onPid: (pid: number) => void;
}

/** Joins a running program to our streams and waits for its end. */
function attach(link: SshLink, channel: ClientChannel, wiring: Wiring): Promise<ExecExit> {
  const { shellNoiseBytes } = link.limits;
  const noise = createNoiseFilter({
    mark: wiring.mark,
    limitBytes: shellNoiseBytes,
    onBegin: wiring.onPid,
  });
  const errorNoise = createNoiseFilter({
    mark: wiring.mark,
    limitBytes: shellNoiseBytes,
    onBegin: () => undefined,
  });
  const ended = new Promise<ExecExit>((resolve, reject) => {
    let found: ExecExit = {};
    channel.on("exit", (code: number | null, signal?: string) => {
      if (code !== null) found = { code };
      else if (signal !== undefined) found = { signal };
    });
    const finish = (): void => {
      stopWatching();
      if (link.isGone) reject(link.failure());
      else if (!noise.hasBegun()) reject(shellFailed(link.place, noise.text() + errorNoise.text()));
      else resolve(found);
    };
    // Each of the two closes once its own output was read to the end.
    const closed = [channel, channel.stderr].map(
      (output) => new Promise((done) => output.once("close", done)),
    );
    void Promise.all(closed).then(finish);
    const stopWatching = link.onGone(reject);
    for (const filter of [noise, errorNoise])
      filter.onOverflow(() => reject(shellFailed(link.place, filter.text())));
  });
  channel.once("close", () => wiring.stdin.destroy());
  quiet(channel);
  wiring.stdout.feed(channel, (chunk) => noise.take(chunk));
  wiring.stderr.feed(channel.stderr, (chunk) => errorNoise.take(chunk));
  wiring.stdin.pipe(channel);
  return ended;
}

/** The log-in shell never came to our command: its start-up files ended it, or it is no shell. */
function shellFailed(place: string, said: string): PlatformError {
  const words = said
    .replace(/[^\P{Cc}\n]/gu, "")
    .trim()
    .slice(0, 300);
  return new PlatformError(
    "forbidden",
    `${place}: the log-in shell did not start /bin/sh. It said: ${JSON.stringify(words)}.`,
    {
      scope: "host",
      operation: "exec",
      platformCode: "login-shell",
      hint: "Check that this user may run commands over ssh, and that its shell's start-up files end without an error.",
    },
  );
}
