import type { Clock, Execution, HostBeat, HostWatch } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Control } from "./control.ts";
import { openControl } from "./control.ts";
import { toAborted, untilAborted } from "./deadline.ts";
import { toBuffer } from "./streams.ts";

/** Starts the two processes on the machine that a watch reads. */
export interface WatchSource {
  readonly startControl: (wait: { readonly signal: AbortSignal }) => Promise<Execution>;
  readonly startLog: (offset: number, wait: { readonly signal: AbortSignal }) => Promise<Execution>;
  /** Told the open control channel, so that commands can go through it; told `undefined` at the end. */
  readonly onControl: (control: Control | undefined) => void;
}

/** No beat for so long, while one is due each second, is a dead link. */
const silenceMs = 15_000;

/** Streams beats and log until the job has ended and all its log was handed over. */
export async function runWatch(
  source: WatchSource,
  watch: HostWatch,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<HostBeat> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const ending = Promise.withResolvers<HostBeat>();
  let control: Control | undefined;
  try {
    const execution = await source.startControl({ signal });
    control = openControl(execution, {
      clock: options.clock,
      signal,
      silenceMs,
      onBeat: (beat) => {
        watch.onBeat(beat);
        if (beat.exit) ending.resolve(beat);
      },
    });
    source.onControl(control);
    const log = pumpLog(source, watch, { signal, ending: ending.promise });
    return await untilAborted(Promise.race([log, control.ended]), options.signal);
  } catch (error) {
    if (options.signal.aborted) throw toAborted(options.signal);
    throw error;
  } finally {
    source.onControl(undefined);
    control?.close();
    stop.abort();
  }
}

/** Hands over log bytes in order; ends when the exit has named the final size and all of it has come. */
async function pumpLog(
  source: WatchSource,
  watch: HostWatch,
  options: { readonly signal: AbortSignal; readonly ending: Promise<HostBeat> },
): Promise<HostBeat> {
  let offset = watch.logOffset;
  let final: HostBeat | undefined;
  const reachedEnd = (): boolean => final !== undefined && offset >= final.logBytes;
  for (let failures = 0; failures < 5; failures++) {
    const stream = await source.startLog(offset, options);
    stream.stderr.resume();
    const stop = (): void => {
      stream.stdin.end();
      stream.stdout.destroy();
    };
    const watched = options.ending.then((beat) => {
      final = beat;
      if (reachedEnd()) stop();
      return beat;
    });
    try {
      for await (const chunk of stream.stdout) {
        const bytes = toBuffer(chunk);
        await watch.onLog(bytes, offset);
        offset += bytes.length;
        failures = 0;
        if (reachedEnd()) break;
      }
    } catch (error) {
      if (!reachedEnd()) throw toUnreachable(error, options.signal);
    } finally {
      stop();
    }
    if (!reachedEnd()) await Promise.race([watched, stream.exit.catch(() => undefined)]);
    if (final && reachedEnd()) return final;
  }
  throw toUnreachable(new Error("the log stream ends again and again"), options.signal);
}

function toUnreachable(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return toAborted(signal);
  if (PlatformError.is(error)) return error;
  return new PlatformError("unreachable", "The log stream from the machine broke.", {
    scope: "host",
    operation: "watch",
    cause: error,
  });
}
