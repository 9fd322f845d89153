import type { HostAttempt, HostBeat, HostFile, HostSession, HostWatch } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { DriverProcess } from "./driver-process.ts";
import type { SimHost } from "./sim-host.ts";
import type { Timeline } from "./timeline.ts";

type Wait = { readonly signal: AbortSignal };

/** The network between one process and one machine. */
export interface SimLink {
  readonly host: SimHost;
  readonly timeline: Timeline;
  readonly process: DriverProcess;
  readonly latencyMs: number;
  /** Does what is sent this way arrive now? */
  readonly isOpen: (way: "up" | "down") => boolean;
}

/** A connection over which nothing came for so long is given up, as keep-alive does. */
const giveUpMs = 6000;
const beatMs = 2000;
/** One buffer for every byte of log: only how many, and from where, matters. */
const logBytes = new Uint8Array(65_536);
export const checkpointFile = "ckpt/state";
export const resultFile = "result";

/** A session of the host contract over a simulated link. */
export function createSimSession(link: SimLink): HostSession {
  const { host, timeline, process } = link;

  function unreachable(operation: string): PlatformError {
    return new PlatformError("unreachable", `${host.name}: ${operation}: no answer.`, {
      scope: "host",
      operation,
    });
  }

  function call<Result>(
    operation: string,
    { signal }: Wait,
    effect: () => Result,
  ): Promise<Result> {
    return process.call(operation, async () => {
      signal.throwIfAborted();
      if (link.latencyMs > 0) await timeline.sleep(link.latencyMs, { signal, owner: process });
      if (!host.isUp() || !link.isOpen("up")) {
        await timeline.sleep(giveUpMs, { signal, owner: process });
        throw unreachable(operation);
      }
      const result = effect();
      if (link.latencyMs > 0) await timeline.sleep(link.latencyMs, { signal, owner: process });
      if (!host.isUp() || !link.isOpen("down")) {
        await timeline.sleep(giveUpMs, { signal, owner: process });
        throw new PlatformError("outcome_unknown", `${host.name}: ${operation}: the link broke.`, {
          scope: "host",
          operation,
        });
      }
      return result;
    });
  }

  /** Runs on the machine's side: it goes on while the process stands still, whose buffer keeps what it says. */
  async function follow(
    attempt: HostAttempt,
    watch: HostWatch,
    { signal }: Wait,
  ): Promise<HostBeat> {
    let offset = watch.logOffset;
    let brokenSince: number | undefined;
    for (;;) {
      signal.throwIfAborted();
      const isUp = host.isUp();
      const isSent = isUp && link.isOpen("up");
      const isHeard = isUp && link.isOpen("down");
      if (!isSent || !isHeard) brokenSince ??= timeline.now();
      else brokenSince = undefined;
      if (brokenSince !== undefined && timeline.now() - brokenSince >= giveUpMs) {
        throw unreachable("watch");
      }
      if (isHeard) {
        const beat = host.beat(attempt);
        process.hear(() => watch.onBeat(beat));
        if (beat.logBytes > offset) {
          const bytes = logBytes.subarray(0, Math.min(beat.logBytes - offset, logBytes.length));
          await watch.onLog(bytes, offset);
          offset += bytes.length;
        }
        if (beat.state === "ended" && offset >= beat.logBytes) return beat;
      }
      await timeline.sleep(beatMs, { signal });
      if (process.isDead()) await new Promise(() => undefined);
    }
  }

  return {
    readFacts: (wait) =>
      call("readFacts", wait, () => ({
        ...host.facts(),
        machineId: host.name,
        user: "me",
        home: "/home/me",
        root: "/home/me/.gpujob",
        os: "Linux",
        architecture: "x86_64",
        cpuCount: 8,
        memoryGib: 64,
        diskFreeGib: 500,
        gpus: [],
        tools: [],
      })),
    upload: async (attempt, files, wait) => {
      const found = await files;
      return call("upload", wait, () => {
        const saved = found.find((file) => file.path.endsWith("state"));
        if (saved !== undefined) host.stage(attempt, saved.bytes);
        const { length } = found;
        return { sentBytes: 0, sentFiles: length, totalBytes: 0, totalFiles: length };
      });
    },
    prepare: (attempt, plan, wait) => call("prepare", wait, () => host.prepare(attempt, plan)),
    start: (attempt, wait) => call("start", wait, () => host.start(attempt)),
    readBeat: (attempt, wait) => call("readBeat", wait, () => host.beat(attempt)),
    watch: (attempt, options, wait) => process.call("watch", () => follow(attempt, options, wait)),
    renew: (attempt, until, wait) => call("renew", wait, () => host.renew(attempt, until)),
    thaw: (attempt, { nonce, validUntilUptimeMs }, wait) =>
      call("thaw", wait, () => host.thaw(attempt, nonce, validUntilUptimeMs)),
    freeze: (attempt, wait) => call("freeze", wait, () => host.beat(attempt)),
    signal: (_attempt, _name, wait) => call("signal", wait, () => undefined),
    stop: (attempt, { graceMs, reason }, wait) =>
      call("stop", wait, () => host.stop(attempt, graceMs, reason)),
    setLimits: (_attempt, _limits, wait) => call("setLimits", wait, () => undefined),
    list: (attempt, _selection, wait) =>
      call("list", wait, () => {
        const product = host.product(attempt);
        if (product === undefined) return { files: [], skipped: [] };
        const files = [
          ...(product.checkpoint > 0 ? [fileOf(checkpointFile, product.checkpoint)] : []),
          ...(product.doneMs > 0 ? [fileOf(resultFile, product.doneMs)] : []),
        ];
        return { files, skipped: [] };
      }),
    async *read(attempt, file, wait) {
      yield await call("read", wait, () => {
        host.beat(attempt);
        return logBytes.subarray(0, Math.min(file.bytes, 1));
      });
    },
    proceed: (attempt, wait) => call("proceed", wait, () => host.proceed(attempt)),
    end: (attempt, wait) => call("end", wait, () => host.end(attempt)),
    exec() {
      throw new PlatformError("unsupported_request", "no exec in the simulation");
    },
    close: async () => undefined,
  };
}

/** A file whose size says what is in it: that is all that the checkers compare. */
function fileOf(path: string, bytes: number): HostFile {
  return { path, bytes, mode: 0o600, mtimeMs: 0, sha256: String(bytes) };
}
