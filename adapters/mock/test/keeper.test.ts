import { existsSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "vitest";
import type { Lease, Offer } from "@gpujob/spec";
import { toFailure } from "@gpujob/spec";
import { readMeter, resetMarket, stopAllMachines } from "../src/index.ts";
import { isAlive, pidOf } from "../src/machine/process-identity.ts";
import type { LocalMarketOptions } from "../src/market/local-market.ts";
import { openLocalMarket } from "../src/market/local-market.ts";
import type { TestMarket } from "./market-fixture.ts";
import {
  newRequest,
  openTestMarket,
  rentMachine,
  runOn,
  until,
  untilState,
  wait,
} from "./market-fixture.ts";

/** The identity of a machine's keeper process. */
function keeperOf(market: TestMarket, { leaseId }: Lease): string {
  const database = new DatabaseSync(join(market.folder, "market.sqlite"));
  try {
    const row = database.prepare("SELECT keeper FROM machines WHERE lease_id = ?").get(leaseId);
    return String(row?.["keeper"]);
  } finally {
    database.close();
  }
}

function setVersion(market: TestMarket, version: number): void {
  const database = new DatabaseSync(join(market.folder, "market.sqlite"));
  database.exec(`PRAGMA user_version = ${version}`);
  database.close();
}

/** Starts a process on the machine that has left its parent, its session and its streams behind. */
async function startDaemon(market: TestMarket, lease: Lease, prefix = ""): Promise<number> {
  const script = `${prefix} setsid sh -c 'echo $$ > daemon.pid; exec sleep 600' </dev/null >/dev/null 2>&1 &`;
  await runOn(market.platform, lease, ["sh", "-c", script]);
  const file = join(market.folder, "machines", lease.leaseId, "home", "daemon.pid");
  return until(() => {
    const pid = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
    return pid > 0 ? pid : undefined;
  });
}

function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

function termsOf(offer: Offer): LocalMarketOptions["terms"] {
  return {
    faults: [],
    balance: { currency: "CNY", micros: 1_000_000 },
    offers: [{ type: "a", bootMs: 0, offer }],
  };
}

describe("the keeper of a machine", { timeout: 60_000 }, () => {
  it("ends a double-forked job with the release, removes the disk, and exits", async ({
    expect,
  }) => {
    const market = await openTestMarket();
    try {
      const lease = await rentMachine(market.platform);
      const daemon = await startDaemon(market, lease);
      const keeper = keeperOf(market, lease);
      expect(isRunning(daemon)).toBe(true);
      await market.platform.releaseLease(lease.leaseId, wait);
      await untilState(market.platform, lease.leaseId, "ended");
      expect(isRunning(daemon)).toBe(false);
      expect(existsSync(join(market.folder, "machines", lease.leaseId))).toBe(false);
      await until(() => !isAlive(keeper) || undefined);
    } finally {
      await market.close();
    }
  });

  it("ends the machine at its end time with no driver at all", async ({ expect }) => {
    const market = await openTestMarket();
    try {
      const lease = await rentMachine(market.platform);
      const daemon = await startDaemon(market, lease);
      const keeper = keeperOf(market, lease);
      const endsAt = new Date(Date.now() + 300).toISOString();
      await market.platform.extendLease?.(lease.leaseId, endsAt, wait);
      await market.platform.close?.();
      await until(() => !isAlive(keeper) || undefined);
      expect(isRunning(daemon)).toBe(false);
      expect(readMeter(market.folder).machines[0]?.endedAt).toBe(endsAt);
    } finally {
      await market.close();
    }
  });

  it("takes the machine with it when it is killed", async ({ expect }) => {
    const market = await openTestMarket();
    try {
      const lease = await rentMachine(market.platform);
      const daemon = await startDaemon(market, lease);
      process.kill(pidOf(keeperOf(market, lease)), "SIGKILL");
      const ended = await untilState(market.platform, lease.leaseId, "ended");
      expect(ended).toMatchObject({ isBillable: false, reason: "its keeper process was killed" });
      expect(isRunning(daemon)).toBe(false);
    } finally {
      await market.close();
    }
  });

  it("ends the machine when its power is cut or its market is removed", async ({ expect }) => {
    const market = await openTestMarket();
    try {
      const first = await rentMachine(market.platform);
      process.kill(pidOf(keeperOf(market, first)), "SIGTERM");
      const ended = await untilState(market.platform, first.leaseId, "ended");
      expect(ended.reason).toBe("its power was cut");
      const second = await rentMachine(market.platform);
      const daemon = await startDaemon(market, second);
      const keeper = keeperOf(market, second);
      await market.platform.close?.();
      await rm(market.home, { recursive: true, maxRetries: 5 });
      await until(() => !isAlive(keeper) || undefined);
      expect(isRunning(daemon)).toBe(false);
    } finally {
      await market.close();
    }
  });

  it("is started later when whoever made the machine was killed before", async ({ expect }) => {
    const market = await openTestMarket();
    try {
      const { ownership, ...request } = await newRequest(market.platform);
      const past = openLocalMarket({
        folder: market.folder,
        platform: "cheap",
        terms: termsOf(request.offer),
        now: () => Date.now() - 10_000,
        newId: () => "made0in0past",
        startKeeper: () => {},
      });
      const create = { token: request.leaseKey, tags: {}, offerType: "a", diskGib: 1 };
      await past.create({ ...create, endsMs: Date.parse(request.endsAt) }, wait);
      past.close();
      await untilState(market.platform, "m-made0in0past", "up");
      expect(ownership.attempt).toBe(1);
    } finally {
      await market.close();
    }
  });

  it("is not waited for when it stands still", async ({ expect }) => {
    const market = await openTestMarket();
    try {
      const lease = await rentMachine(market.platform);
      const daemon = await startDaemon(market, lease);
      const keeper = keeperOf(market, lease);
      process.kill(pidOf(keeper), "SIGSTOP");
      await market.platform.releaseLease(lease.leaseId, wait);
      const later = openLocalMarket({
        folder: market.folder,
        platform: "cheap",
        terms: termsOf((await newRequest(market.platform)).offer),
        now: () => Date.now() + 10_000,
        newId: () => "never0needed",
        startKeeper: () => {},
      });
      expect(await later.describe(lease.leaseId, wait)).toMatchObject({ state: "ended" });
      later.close();
      expect(isRunning(daemon)).toBe(false);
      process.kill(pidOf(keeper), "SIGCONT");
      await until(() => !isAlive(keeper) || undefined);
    } finally {
      await market.close();
    }
  });

  it("needs less than 60 MB", async ({ expect }) => {
    const market = await openTestMarket();
    try {
      // The first machine fills the compile cache of the sources; a built program needs no such thing.
      await rentMachine(market.platform);
      const keeper = pidOf(keeperOf(market, await rentMachine(market.platform)));
      const resident = /VmRSS:\s+(\d+) kB/.exec(
        readFileSync(`/proc/${keeper}/status`, "utf8"),
      )?.[1];
      expect(Number(resident) / 1024).toBeLessThan(60);
    } finally {
      await market.close();
    }
  });

  it("leaves nothing behind when all machines are stopped", async ({ expect }) => {
    const market = await openTestMarket({ faults: [{ on: "release", do: "ignore" }] });
    try {
      const leases = [await rentMachine(market.platform), await rentMachine(market.platform)];
      const keepers = leases.map((lease) => keeperOf(market, lease));
      expect(await stopAllMachines(market.folder)).toBe(2);
      await until(() => !keepers.some(isAlive) || undefined);
      expect(await stopAllMachines(market.folder)).toBe(0);
      const { machines } = readMeter(market.folder);
      expect(machines.every(({ endedAt }) => endedAt !== null)).toBe(true);
    } finally {
      await market.close();
    }
  });

  it("ends with its market when that is reset, also where its file is of another version", async ({
    expect,
  }) => {
    const market = await openTestMarket({
      faults: [{ on: "create", nth: 1, do: "error", kind: "no_capacity" }],
    });
    try {
      const refused = async () =>
        market.platform.createLease(await newRequest(market.platform), wait).catch(toFailure);
      expect(await refused()).toMatchObject({ kind: "no_capacity" });
      const keeper = keeperOf(market, await rentMachine(market.platform));
      await market.platform.close?.();
      expect(await resetMarket(market.home)).toBe(1);
      await until(() => !isAlive(keeper) || undefined);
      expect(await refused()).toMatchObject({ kind: "no_capacity" });
      const last = keeperOf(market, await rentMachine(market.platform));
      await market.platform.close?.();
      setVersion(market, 99);
      expect(() => readMeter(market.home)).toThrow("gpujob mock reset");
      expect(await resetMarket(market.home)).toBe(0);
      await until(() => !isAlive(last) || undefined);
      expect(readMeter(market.home).machines).toEqual([]);
    } finally {
      await market.close();
    }
  });
});
