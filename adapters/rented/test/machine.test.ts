import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createMemoryChannel, createTestRequest } from "@gpujob/adapter-kit/testing";
import type { LeaseRequest, Platform } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { describe, it } from "vitest";
import { startLocalMachines, type LocalMachines } from "./local-machines.ts";

const wait = { signal: new AbortController().signal };
const hourMs = 3_600_000;

async function requestFor(platform: Platform, key: string): Promise<LeaseRequest> {
  const [offer] = await platform.listOffers({}, wait);
  if (offer === undefined) throw new Error("There is no offer.");
  return createTestRequest(offer, Date.now(), { leaseKey: key.repeat(32) });
}

/** Writes a file of the lease as if its machine had. */
async function rewrite(at: LocalMachines, key: string, name: string, text: string): Promise<void> {
  const folder = join(at.homeOf("box"), ".gpujob-rented");
  const entry = (await readdir(folder)).find((each) => each.startsWith(`at-${key.repeat(32)}`));
  await writeFile(join(folder, entry ?? "", name), text);
}

const mornai = { ssh: "ssh -p 22022 linux@box", sheet: "mornai/rtx4090" };

describe("a rented machine", () => {
  it("is an offer at the sheet's price, with its age and how it ends", async ({ expect }) => {
    const at = await startLocalMachines([{ ...mornai, count: 2 }]);
    const [offer] = await at.platform.listOffers({}, wait);
    expect(offer).toMatchObject({
      offerId: "linux-box-22022",
      gpu: { model: "RTX4090", vramGib: 24, count: 2 },
      price: {
        perHour: { currency: "CNY", micros: 4_400_000 },
        billing: { unitSeconds: 3600, minimumSeconds: 3600, mode: "prepaid" },
        source: "sheet",
      },
      availability: 1,
      observedAt: "2026-06-01T00:00:00.000Z",
      byHand: { endAt: "the console of https://www.mornai.cn", renews: true, powerOff: "none" },
    });
    expect(offer?.notes?.join("\n")).toContain("price of 2026-06-01 (third-party)");
    expect(offer?.environment).toMatchObject({
      HF_ENDPOINT: "https://hf-mirror.com",
      GPUJOB_DOWNLOAD_PROXY: "http://proxy.mornai.cn:7890",
    });
    await at.close();
  });

  it("is reached as the pasted command says, trusted at first use, and takes our key", async ({
    expect,
  }) => {
    const at = await startLocalMachines([
      { ...mornai, password: { env: "RENTED_PASSWORD" }, since: "2026-11-24T10:00:00+08:00" },
    ]);
    const lease = await at.platform.createLease(await requestFor(at.platform, "a"), wait);
    expect(lease.nodes[0]?.access).toMatchObject({
      host: "box",
      port: 22_022,
      user: "linux",
      hostKeyPolicy: "first-use",
      machine: "rented/linux-box-22022@2026-11-24T02:00:00.000Z",
      mayInstallKey: true,
    });
    expect(JSON.stringify(at.asked)).not.toContain("correct-horse");
    await at.close();
  });

  it("pays an hour once for two runs that begin within one second", async ({ expect }) => {
    const now = Date.UTC(2026, 10, 24, 12);
    const clock = { now: () => now, monotonic: () => 0, sleep: async () => {} };
    const at = await startLocalMachines([mornai], { clock });
    const first = await at.platform.createLease(await requestFor(at.platform, "a"), wait);
    await at.platform.releaseLease(first.leaseId, wait);
    const second = await at.platform.createLease(await requestFor(at.platform, "b"), wait);
    expect(second.startedAt).toBe(new Date(now + hourMs).toISOString());
    await at.close();
  });

  it("is used by one run at a time", async ({ expect }) => {
    const at = await startLocalMachines([mornai]);
    const requests = await Promise.all(
      ["a", "b", "c", "d"].map((key) => requestFor(at.platform, key)),
    );
    const answers = await Promise.allSettled(
      requests.map((request) => at.platform.createLease(request, wait)),
    );
    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const answer of answers) {
      if (answer.status === "fulfilled") continue;
      expect(PlatformError.is(answer.reason) && answer.reason.kind).toBe("no_capacity");
    }
    expect((await at.platform.listOffers({}, wait))[0]?.availability).toBe("none");
    await at.close();
  });

  it("bills on when it is given back, and the next run takes over at the end of the paid hour", async ({
    expect,
  }) => {
    const at = await startLocalMachines([mornai]);
    const first = await at.platform.createLease(await requestFor(at.platform, "a"), wait);
    const { leaseId, startedAt = "" } = first;
    expect(await at.platform.releaseLease(leaseId, wait)).toMatchObject({ state: "releasing" });
    expect(await at.platform.getLease(leaseId, wait)).toMatchObject({
      state: "releasing",
      isBillable: true,
      startedAt,
    });
    const begunAt = Math.floor(Date.now() / 1000) - 90 * 60;
    await rewrite(at, "a", "from", String(begunAt));
    const second = await at.platform.createLease(await requestFor(at.platform, "b"), wait);
    const boundary = new Date(begunAt * 1000 + 2 * hourMs).toISOString();
    expect(second).toMatchObject({ state: "up", startedAt: boundary });
    expect(await at.platform.getLease(leaseId, wait)).toMatchObject({
      state: "ended",
      isBillable: false,
      endedAt: boundary,
    });
    expect(await at.platform.releaseLease(leaseId, wait)).toEqual({ state: "released" });
    await at.close();
  });

  it("pays from the time at which it was rented", async ({ expect }) => {
    const since = new Date(Math.floor(Date.now() / 1000) * 1000 - hourMs).toISOString();
    const at = await startLocalMachines([{ ...mornai, since }]);
    const lease = await at.platform.createLease(await requestFor(at.platform, "a"), wait);
    expect(lease.startedAt).toBe(since);
    await at.close();
  });

  it("is free again, and bills on, once it was started anew", async ({ expect }) => {
    const at = await startLocalMachines([mornai]);
    const lease = await at.platform.createLease(await requestFor(at.platform, "a"), wait);
    await rewrite(at, "a", "machine", "another-boot.1");
    expect(await at.platform.getLease(lease.leaseId, wait)).toMatchObject({
      state: "stopped",
      isBillable: true,
      reason: "the machine was started anew",
    });
    const next = await at.platform.createLease(await requestFor(at.platform, "b"), wait);
    expect(next.state).toBe("up");
    await at.close();
  });

  it("that does not answer is sold out and says why, and does not hide the others' leases", async ({
    expect,
  }) => {
    const at = await startLocalMachines([mornai, { ...mornai, ssh: "linux@gone" }]);
    const lease = await at.platform.createLease(await requestFor(at.platform, "a"), wait);
    at.silent.add("gone");
    const offers = await at.platform.listOffers({}, wait);
    expect(offers.map(({ availability }) => availability)).toEqual(["none", "none"]);
    expect(offers[1]?.notes?.[0]).toContain("rented: linux-gone: gone: no answer");
    const failing = at.platform.listLeases({ installation: "testinst" }, wait);
    await expect(failing).rejects.toMatchObject({
      failure: {
        kind: "unreachable",
        message: expect.stringContaining("1 of 2 cannot be asked about leases (linux-gone)"),
      },
      listed: [{ leaseId: lease.leaseId, state: "up" }],
    });
    at.silent.add("box");
    await expect(at.platform.listOffers({}, wait)).rejects.toMatchObject({
      failure: { kind: "unreachable" },
    });
    await at.close();
  });

  it("that was told to end itself and falls silent has ended", async ({ expect }) => {
    const key = "a".repeat(32);
    const leaseId = `root-box-${key}`;
    const ending = createMemoryChannel(async ({ stdout }) => {
      stdout.write(`ending\nlease\t${key}\tover\tgj-testinst-aaaaaa-1-0-1\t1\t1\t\n`);
      return { code: 0 };
    });
    let isGone = false;
    const clock = { now: () => 1_790_000_000_000, monotonic: () => 0, sleep: async () => {} };
    const at = await startLocalMachines(
      [{ ssh: "root@box", platform: "matpool", sheet: "matpool/rtx4090", selfEnd: true }],
      {
        clock,
        connect: async () => {
          if (isGone) throw new PlatformError("unreachable", "no answer", { scope: "host" });
          return ending.channel;
        },
      },
    );
    await at.platform.releaseLease(leaseId, wait);
    expect(ending.calls[0]?.at(-1)).toContain("matncli node cancel");
    isGone = true;
    expect(await at.platform.getLease(leaseId, wait)).toMatchObject({
      state: "ended",
      isBillable: false,
      endedAt: new Date(1_790_000_000_000).toISOString(),
    });
    const other = at.platform.getLease(`root-box-${"b".repeat(32)}`, wait);
    await expect(other).rejects.toMatchObject({ failure: { kind: "unreachable" } });
    await at.close();
  });

  it("whose script fails is unavailable, with its last words", async ({ expect }) => {
    const broken = createMemoryChannel(async ({ stderr }) => {
      stderr.write("sh: 1: Syntax error\n");
      return { code: 2 };
    });
    const at = await startLocalMachines([mornai], { connect: async () => broken.channel });
    await expect(at.platform.listOffers({}, wait)).rejects.toMatchObject({
      failure: {
        kind: "unavailable",
        message: expect.stringContaining("sh: 1: Syntax error"),
      },
    });
    await at.close();
  });
});
