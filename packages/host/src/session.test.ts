import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, vi } from "vitest";
import type { HostBeat } from "@gpujob/spec";
import type { TestHost } from "./testing/test-host.ts";
import { createPlan, createTestHost, findShell, untilBeat } from "./testing/test-host.ts";

// Real processes on a computer that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const { signal } = new AbortController();

/** Watches to the end. */
async function follow(host: TestHost, logOffset = 0): Promise<{ beat: HostBeat; log: string }> {
  const chunks: Buffer[] = [];
  const beat = await host.session.watch(
    host.attempt,
    {
      logOffset,
      onBeat: () => undefined,
      onLog: async (bytes) => void chunks.push(Buffer.from(bytes)),
    },
    { signal },
  );
  return { beat, log: Buffer.concat(chunks).toString() };
}

for (const shell of ["dash", "bash", "busybox"] as const) {
  const { problem } = findShell(shell);
  describe.skipIf(problem !== undefined)(`a host whose sh is ${shell}`, () => {
    it("says what it is before anything is installed", async ({ expect }) => {
      await using host = createTestHost(shell);
      const facts = await host.session.readFacts({ signal });
      expect(facts).toMatchObject({ root: host.root, home: join(host.folder, "home"), gpus: [] });
      expect(facts.bootId).toMatch(/^[0-9a-f-]{36}$/);
      expect(facts.memoryGib).toBeGreaterThan(0.1);
      expect(facts.tools).toContain("tar");
      expect(existsSync(host.root)).toBe(false);
    });

    it("runs setup and run in one shell and hands over log and exit code", async ({ expect }) => {
      await using host = createTestHost(shell);
      const plan = createPlan('echo "$HELLO $KEPT $GPUJOB_ATTEMPT"; printf tail; exit 7', {
        setup: "KEPT=kept; cd /",
        environment: { HELLO: "a 'b'\n\"$c\"" },
      });
      await host.session.prepare(host.attempt, plan, { signal });
      expect((await host.session.readBeat(host.attempt, { signal })).state).toBe("ready");
      await host.session.start(host.attempt, { signal });
      const { beat, log } = await follow(host);
      expect(log).toBe("a 'b'\n\"$c\" kept 1\ntail");
      expect(beat).toMatchObject({ state: "ended", exit: { code: 7, reason: "exited" } });
      expect(beat.logBytes).toBe(Buffer.byteLength(log));
    });

    it("gives the code of an exit, whatever the logout file of the user says", async ({
      expect,
    }) => {
      await using host = createTestHost(shell);
      host.addTool("bash", 'exec /bin/bash "$@"');
      // Debian and Ubuntu put one into every home that fails without a terminal.
      const logout = "echo bye; false\n";
      writeFileSync(join(host.root, "..", "home", ".bash_logout"), logout);
      for (const [run, code] of [
        ["exit 7", 7],
        ["exit 0", 0],
        ["(exit 3) || exit", 3],
        ["sh -c 'exit 5'", 5],
      ] as const) {
        const attempt = { ...host.attempt, attempt: host.attempt.attempt + code };
        await host.session.prepare(attempt, createPlan(run), { signal });
        await host.session.start(attempt, { signal });
        const beat = await untilBeat(host.session, attempt, ({ state }) => state === "ended");
        expect(beat).toMatchObject({ logBytes: 0, exit: { code, reason: "exited" } });
      }
    });

    it("names a failed setup", async ({ expect }) => {
      await using host = createTestHost(shell);
      await host.session.prepare(host.attempt, createPlan("echo never", { setup: "false" }), {
        signal,
      });
      await host.session.start(host.attempt, { signal });
      const { beat, log } = await follow(host);
      expect(beat.exit).toMatchObject({ code: 1, reason: "setup" });
      expect(log).toBe("");
    });

    it("starts a job once, however often it is asked", async ({ expect }) => {
      await using host = createTestHost(shell);
      await host.session.prepare(host.attempt, createPlan("echo once"), { signal });
      await Promise.all(
        Array.from({ length: 4 }, () => host.openSession().start(host.attempt, { signal })),
      );
      await untilBeat(host.session, host.attempt, (beat) => beat.state === "ended");
      await host.session.start(host.attempt, { signal });
      expect((await follow(host)).log).toBe("once\n");
    });

    it("keeps its files closed and removes secrets once they were read", async ({ expect }) => {
      await using host = createTestHost(shell);
      const plan = createPlan('echo "$TOKEN" | wc -c', { secrets: { TOKEN: "canary-5e1f" } });
      await host.session.prepare(host.attempt, plan, { signal });
      const secrets = join(host.control(host.attempt), "plan", "secrets");
      expect(statSync(secrets).mode & 0o777).toBe(0o600);
      expect(statSync(host.root).mode & 0o777).toBe(0o700);
      await host.session.start(host.attempt, { signal });
      const { log } = await follow(host);
      expect(log.trim()).toBe("12");
      expect(existsSync(secrets)).toBe(false);
    });
  });
}
