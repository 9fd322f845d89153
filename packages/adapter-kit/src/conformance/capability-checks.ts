import { deepEqual, equal, ok } from "node:assert/strict";
import { methodProblems } from "../capabilities.ts";
import type { ConformanceCheck } from "./check.ts";
import { DoesNotApply, whereCapability, whereHelper } from "./check.ts";
import { checkIsoTime, checkMoney } from "./values.ts";

const group = "capabilities";

export const capabilityChecks: readonly ConformanceCheck[] = [
  {
    group,
    name: "has each optional method exactly when its capability says so",
    run({ platform, capabilities }) {
      deepEqual(methodProblems(capabilities, platform), []);
    },
  },
  {
    group,
    name: "moves its own end timer, to the same time twice too",
    needs: [whereCapability("autoRelease", true)],
    async run(context) {
      const { request, lease } = await context.rent();
      await context.untilUp(lease.leaseId);
      const until = new Date(Date.parse(request.endsAt) + 1_800_000).toISOString();
      await context.platform.extendLease?.(lease.leaseId, until, context.wait);
      await context.platform.extendLease?.(lease.leaseId, until, context.wait);
      const after = await context.platform.getLease(lease.leaseId, context.wait);
      equal(after?.state, "up");
    },
  },
  {
    group,
    name: "ends the machine by itself at the time that the request names",
    needs: [whereCapability("autoRelease", true), whereHelper("advance")],
    async run(context) {
      if ((await context.pickOffer()).autoRelease === false)
        throw new DoesNotApply("the offer says that autoRelease is false");
      const { lease } = await context.rent();
      await context.untilUp(lease.leaseId);
      await context.setup.advance?.(3_700_000);
      await context.waitUntil("the machine has ended by itself", 60_000, async () => {
        const after = await context.platform.getLease(lease.leaseId, context.wait);
        return after === undefined || !after.isBillable || undefined;
      });
    },
  },
  {
    group,
    name: "announces no interruption of a healthy machine",
    needs: [whereCapability("interruptionNotice", true)],
    async run(context) {
      const { lease } = await context.rent();
      await context.untilUp(lease.leaseId);
      equal(await context.platform.watchInterruption?.(lease.leaseId, context.wait), undefined);
    },
  },
  {
    group,
    name: "passes the announcement of an interruption on",
    needs: [whereCapability("interruptionNotice", true), whereHelper("interrupt")],
    async run(context) {
      const { lease } = await context.rent();
      await context.untilUp(lease.leaseId);
      await context.setup.interrupt?.(lease.leaseId);
      const notice = await context.platform.watchInterruption?.(lease.leaseId, context.wait);
      ok(notice !== undefined, "the notice was not seen");
      ok(notice.reason !== "", "the notice gives no reason");
      if (notice.endsAt !== undefined) checkIsoTime(notice.endsAt, "endsAt");
    },
  },
  {
    group,
    name: "says whether an offer is in stock",
    needs: [whereCapability("capacityCheck", true)],
    async run(context) {
      const { platform, wait } = context;
      const stock = await platform.checkCapacity?.(await context.pickOffer(), wait);
      const isWord = ["high", "low", "none", "unknown"].some((word) => word === stock);
      const isCount = typeof stock === "number" && Number.isSafeInteger(stock) && stock >= 0;
      ok(isWord || isCount, `the answer is ${JSON.stringify(stock)}`);
    },
  },
  {
    group,
    name: "tells the balance as money",
    needs: [whereCapability("balance", true)],
    async run({ platform, wait }) {
      checkMoney(await platform.getBalance?.(wait), "the balance");
    },
  },
  {
    group,
    name: "tells what a lease has cost",
    needs: [whereCapability("charges", true)],
    async run(context) {
      const { lease } = await context.rent();
      await context.untilUp(lease.leaseId);
      const charges = await context.platform.readCharges?.(lease.leaseId, context.wait);
      ok(Array.isArray(charges), "the answer is no list");
      for (const charge of charges ?? []) {
        checkMoney(charge.amount, "a charge");
        checkIsoTime(charge.from, "from");
        checkIsoTime(charge.to, "to");
        ok(charge.from <= charge.to, "a charge ends before it begins");
      }
    },
  },
];
