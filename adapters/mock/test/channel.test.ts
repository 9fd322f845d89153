import { text } from "node:stream/consumers";
import { describe, it } from "vitest";
import type { Channel, Lease, Platform } from "@gpujob/spec";
import { toFailure } from "@gpujob/spec";
import { openTestMarket, rentMachine, runOn, until, untilState, wait } from "./market-fixture.ts";

async function openChannel(platform: Platform, lease: Lease): Promise<Channel> {
  const node = lease.nodes[0];
  if (node === undefined || platform.openChannel === undefined) throw new Error("No channel.");
  return platform.openChannel(node, wait);
}

describe("a channel to a machine of the mock market", { timeout: 60_000 }, () => {
  it("gives processes an environment of the machine's own and nothing of the user's", async ({
    expect,
  }) => {
    const market = await openTestMarket();
    process.env["MOCK_TEST_CANARY"] = "only-the-user-has-this";
    try {
      const lease = await rentMachine(market.platform);
      const { stdout } = await runOn(market.platform, lease, ["env"]);
      const names = stdout.split("\n").flatMap((line) => line.split("=")[0] || []);
      const own = ["GPUJOB_MOCK_MACHINE", "HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TMPDIR"];
      const shells = new Set(["PWD", "OLDPWD", "_", "SHLVL"]);
      expect(names.filter((name) => !shells.has(name)).toSorted()).toEqual([...own, "USER"]);
      expect(stdout).not.toContain("only-the-user-has-this");
      const login = await runOn(market.platform, lease, ["sh", "-lc", "echo $HOME; echo $PATH"]);
      expect(login.stdout).toBe(
        `${market.folder}/machines/${lease.leaseId}/home\n${market.folder}/machines/${lease.leaseId}/bin:${process.env["PATH"]}\n`,
      );
    } finally {
      delete process.env["MOCK_TEST_CANARY"];
      await market.close();
    }
  });

  it("starts nothing on a machine that has ended, and breaks off what is open", async ({
    expect,
  }) => {
    const market = await openTestMarket();
    try {
      const { platform } = market;
      const lease = await rentMachine(platform);
      const channel = await openChannel(platform, lease);
      const open = channel.exec(["sh", "-c", "echo started; sleep 600"], wait);
      open.stderr.resume();
      await new Promise((resolve) => open.stdout.once("data", resolve));
      const broken = open.exit.catch(toFailure);
      await platform.releaseLease(lease.leaseId, wait);
      expect(await broken).toMatchObject({ kind: "unreachable", scope: "host" });
      await untilState(platform, lease.leaseId, "ended");
      const late = channel.exec(["true"], wait);
      expect(await late.exit.catch(toFailure)).toMatchObject({ kind: "unreachable" });
      expect(await openChannel(platform, lease).catch(toFailure)).toMatchObject({
        kind: "unreachable",
      });
    } finally {
      await market.close();
    }
  });

  it("breaks off a process that has cleared its environment when the machine ends", async ({
    expect,
  }) => {
    const market = await openTestMarket();
    try {
      const { platform } = market;
      const lease = await rentMachine(platform);
      const channel = await openChannel(platform, lease);
      const open = channel.exec(["env", "-i", "/bin/sh", "-c", "echo up; sleep 600"], wait);
      open.stderr.resume();
      await new Promise((resolve) => open.stdout.once("data", resolve));
      await platform.releaseLease(lease.leaseId, wait);
      expect(await open.exit.catch(toFailure)).toMatchObject({ kind: "unreachable" });
    } finally {
      await market.close();
    }
  });

  it("ends what is still open when it is closed, and leaves what has let go", async ({
    expect,
  }) => {
    const market = await openTestMarket();
    try {
      const { platform } = market;
      const lease = await rentMachine(platform);
      const channel = await openChannel(platform, lease);
      const script = "sleep 600 </dev/null >/dev/null 2>&1 & echo $!";
      const detached = channel.exec(["sh", "-c", script], wait);
      detached.stderr.resume();
      const pid = (await text(detached.stdout)).trim();
      expect(await detached.exit).toEqual({ code: 0 });
      const open = channel.exec(["sh", "-c", "sleep 600 & wait"], wait);
      open.stdout.resume();
      open.stderr.resume();
      const broken = open.exit.catch(toFailure);
      await channel.close();
      expect(await broken).toMatchObject({ kind: "unreachable" });
      const alive = await runOn(platform, lease, ["kill", "-0", pid]);
      expect(alive.code).toBe(0);
    } finally {
      await market.close();
    }
  });

  it("keeps a process alive that outlives its driver", async ({ expect }) => {
    const market = await openTestMarket();
    try {
      const lease = await rentMachine(market.platform);
      const script = "setsid sh -c 'while :; do date > alive; sleep 0.1; done' >/dev/null 2>&1 &";
      await runOn(market.platform, lease, ["sh", "-c", script]);
      await market.platform.close?.();
      const next = market.open();
      const found = await next.getLease(lease.leaseId, wait);
      if (found === undefined) throw new Error("The machine is gone.");
      const read = async () => (await runOn(next, found, ["cat", "alive"])).stdout || undefined;
      expect(await until(read)).not.toBe("");
    } finally {
      await market.close();
    }
  });
});
