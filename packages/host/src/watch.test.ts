import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it, vi } from "vitest";
import type { HostBeat, HostPlan } from "@gpujob/spec";
import type { TestHost } from "./testing/test-host.ts";
import { createPlan, createTestHost, findShell, until } from "./testing/test-host.ts";

// Real processes on a computer that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const { signal } = new AbortController();

async function launch(host: TestHost, run: string, changes: Partial<HostPlan> = {}): Promise<void> {
  await host.session.prepare(host.attempt, createPlan(run, changes), { signal });
  await host.session.start(host.attempt, { signal });
}

/** Collects what a watch hands over, and checks that nothing is missing or repeated. */
function createSink(): {
  readonly hash: () => string;
  readonly bytes: () => number;
  readonly onLog: (bytes: Uint8Array, offset: number) => Promise<void>;
} {
  const hash = createHash("sha256");
  let at = 0;
  return {
    hash: () => hash.copy().digest("hex"),
    bytes: () => at,
    async onLog(bytes, offset) {
      if (offset !== at) throw new Error(`the log goes on at ${offset} instead of ${at}`);
      hash.update(bytes);
      at += bytes.length;
    },
  };
}

function hashLog(host: TestHost): string {
  return createHash("sha256")
    .update(readFileSync(join(host.control(host.attempt), "log")))
    .digest("hex");
}

for (const shell of ["bash", "dash", "busybox"] as const) {
  const { problem } = findShell(shell);
  describe.skipIf(problem !== undefined).concurrent(`a watch on a host with ${shell}`, () => {
    it("hands over every byte once, however often the link breaks", async ({ expect }) => {
      await using host = createTestHost(shell);
      const go = join(host.control(host.attempt), "../output/go");
      await launch(
        host,
        'i=0; while [ ! -e "$GPUJOB_OUTPUT_DIR/go" ]; do echo line $i; i=$((i+1)); sleep 0.05; done',
      );
      const sink = createSink();
      let breaks = 0;
      let final: HostBeat | undefined;
      while (final === undefined) {
        const timer =
          breaks < 8 ? setTimeout(() => host.channel().sever(), 200 + breaks * 53) : undefined;
        try {
          final = await host.session.watch(
            host.attempt,
            { logOffset: sink.bytes(), onBeat: () => undefined, onLog: sink.onLog },
            { signal },
          );
        } catch (error) {
          expect(error).toMatchObject({ failure: { kind: "unreachable" } });
          breaks++;
          if (breaks === 8) writeFileSync(go, "");
        } finally {
          clearTimeout(timer);
        }
      }
      expect(breaks).toBeGreaterThanOrEqual(8);
      expect(final.logBytes).toBe(sink.bytes());
      expect(sink.hash()).toBe(hashLog(host));
    });

    it("takes a flood of bytes without a newline in bounded memory", async ({ expect }) => {
      await using host = createTestHost(shell);
      const bytes = 64 << 20;
      await launch(host, `head -c ${bytes} /dev/urandom`);
      const before = process.memoryUsage().rss;
      let peak = 0;
      const sink = createSink();
      const beat = await host.session.watch(
        host.attempt,
        {
          logOffset: 0,
          onBeat: () => undefined,
          async onLog(chunk, offset) {
            peak = Math.max(peak, process.memoryUsage().rss - before);
            await sink.onLog(chunk, offset);
          },
        },
        { signal },
      );
      expect(beat).toMatchObject({ logBytes: bytes, exit: { code: 0 } });
      expect(sink.hash()).toBe(hashLog(host));
      expect(peak).toBeLessThan(100 << 20);
    });

    it("stops a job at the cap of its log and drops nothing", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "cat /dev/zero", { logLimitBytes: 4 << 20 });
      const sink = createSink();
      const beat = await host.session.watch(
        host.attempt,
        { logOffset: 0, onBeat: () => undefined, onLog: sink.onLog },
        { signal },
      );
      expect(beat.exit).toMatchObject({ reason: "log-limit" });
      expect(sink.bytes()).toBe(beat.logBytes);
      expect(beat.logBytes).toBeGreaterThanOrEqual(4 << 20);
    });

    it("keeps the log whole when a job opens its own output again", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "echo one; echo two >/dev/stderr; echo three >/proc/self/fd/1");
      const chunks: Uint8Array[] = [];
      await host.session.watch(
        host.attempt,
        {
          logOffset: 0,
          onBeat: () => undefined,
          onLog: async (bytes) => void chunks.push(bytes),
        },
        { signal },
      );
      expect(Buffer.concat(chunks).toString()).toBe("one\ntwo\nthree\n");
    });

    it("beats every second, at every change, and carries commands", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "sleep 60", { tether: { kind: "short", lengthMs: 20_000 } });
      const beats: HostBeat[] = [];
      const stop = new AbortController();
      const watching = host.session.watch(
        host.attempt,
        { logOffset: 0, onBeat: (beat) => beats.push(beat), onLog: async () => undefined },
        { signal: stop.signal },
      );
      await until("beats", () => beats.length >= 3);
      const started = host.channel().started();
      const beat = await host.session.freeze(host.attempt, { signal });
      expect(beat.state).toBe("frozen");
      const later = { nonce: beat.nonce ?? "", validUntilUptimeMs: beat.uptimeMs + 60_000 };
      expect((await host.session.thaw(host.attempt, later, { signal })).state).toBe("running");
      await host.session.renew(host.attempt, beat.uptimeMs + 90_000, { signal });
      expect(host.channel().started()).toBe(started);
      await until("a frozen beat", () => beats.some(({ state }) => state === "frozen"));
      stop.abort();
      await expect(watching).rejects.toMatchObject({ failure: { kind: "aborted" } });
    });

    it("ends when a newer driver takes over", async ({ expect }) => {
      await using host = createTestHost(shell);
      await launch(host, "sleep 60");
      const watching = host.session.watch(
        host.attempt,
        { logOffset: 0, onBeat: () => undefined, onLog: async () => undefined },
        { signal },
      );
      const refused = expect(watching).rejects.toMatchObject({ failure: { kind: "forbidden" } });
      await sleep(500);
      await host.session.readBeat({ ...host.attempt, epoch: 2 }, { signal });
      await refused;
    });
  });
}
