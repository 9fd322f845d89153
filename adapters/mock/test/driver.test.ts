import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { describe, it } from "vitest";
import type { LeaseRequest } from "@gpujob/spec";
import { readMeter } from "../src/index.ts";
import type { TestMarket } from "./market-fixture.ts";
import {
  newRequest,
  openTestMarket,
  plainOffer,
  until,
  untilState,
  wait,
} from "./market-fixture.ts";

const program = fileURLToPath(new URL("driver.ts", import.meta.url));
const answerSchema = z.object({ leaseId: z.string().optional(), kind: z.string().optional() });

function startDriver(market: TestMarket, requests: readonly LeaseRequest[]) {
  const argv = [market.folder, JSON.stringify(market.config), JSON.stringify(requests)];
  return spawn(
    process.execPath,
    ["--conditions=@gpujob/source", "--disable-warning=ExperimentalWarning", program, ...argv],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
}

/** What one driver process answered to each request: lease ids and kinds of failure. */
async function runDriver(market: TestMarket, requests: readonly LeaseRequest[]) {
  const output = await text(startDriver(market, requests).stdout);
  const lines = output.split("\n").filter((line) => line !== "");
  return lines.map((line) => answerSchema.parse(JSON.parse(line)));
}

describe("several drivers of one mock market", () => {
  it(
    "finds the machine again that a killed driver made",
    { timeout: 60_000 },
    async ({ expect }) => {
      const slow = { on: "create", nth: 1, do: "delay", by: "1h" };
      const market = await openTestMarket({ faults: [slow] });
      try {
        const request = await newRequest(market.platform);
        const driver = startDriver(market, [request]);
        const machine = await until(() => readMeter(market.folder).machines[0]);
        driver.kill("SIGKILL");
        await once(driver, "exit");
        const again = await market.platform.createLease(request, wait);
        expect(again.leaseId).toBe(machine.leaseId);
        await untilState(market.platform, machine.leaseId, "up");
        expect(readMeter(market.folder).machines).toHaveLength(1);
      } finally {
        await market.close();
      }
    },
  );

  it(
    "makes one machine for one key, and no more than there are",
    { timeout: 60_000 },
    async ({ expect }) => {
      const market = await openTestMarket({ offers: [plainOffer({ stock: 3 })] });
      try {
        const shared = await newRequest(market.platform);
        const requests = await Promise.all(
          Array.from({ length: 8 }, () => newRequest(market.platform)),
        );
        const answers = await Promise.all([
          runDriver(market, [shared, ...requests.slice(0, 4)]),
          runDriver(market, [shared, ...requests.slice(4)]),
        ]);
        const [one, other] = answers.map(([first]) => first?.leaseId);
        expect(one).toBeDefined();
        expect(other).toBe(one);
        const kinds = answers.flat().map(({ kind }) => kind);
        expect(kinds.filter((kind) => kind === "no_capacity")).toHaveLength(6);
        expect(readMeter(market.folder).machines).toHaveLength(3);
      } finally {
        await market.close();
      }
    },
  );

  it(
    "counts calls over all drivers, for faults that strike once",
    { timeout: 60_000 },
    async ({ expect }) => {
      const refusal = { on: "create", nth: 3, do: "error", kind: "quota_exceeded" };
      const market = await openTestMarket({ faults: [refusal] });
      try {
        const requests = await Promise.all(
          Array.from({ length: 4 }, () => newRequest(market.platform)),
        );
        const answers = await Promise.all([
          runDriver(market, requests.slice(0, 2)),
          runDriver(market, requests.slice(2)),
        ]);
        const kinds = answers.flat().map(({ kind }) => kind);
        expect(kinds.filter((kind) => kind === "quota_exceeded")).toHaveLength(1);
        expect(readMeter(market.folder).machines).toHaveLength(3);
      } finally {
        await market.close();
      }
    },
  );
});
