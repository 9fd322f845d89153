import { equal, ok } from "node:assert/strict";
import type { ConformanceCheck } from "./check.ts";
import { whereHelper, whereLeases, whereReleasable } from "./check.ts";
import type { ConformanceContext } from "./context.ts";
import { failureOf } from "./context.ts";

const group = "release";

/** Asks once; an answer of `released` must be true at that very moment. */
async function releaseOnce(context: ConformanceContext, leaseId: string): Promise<boolean> {
  const { state } = await context.platform.releaseLease(leaseId, context.wait);
  ok(state === "released" || state === "releasing", `the answer is ${state}`);
  if (state === "released") await checkGone(context, leaseId);
  return state === "released";
}

async function checkGone(context: ConformanceContext, leaseId: string): Promise<void> {
  const lease = await context.platform.getLease(leaseId, context.wait);
  const what = `${leaseId} was called released`;
  ok(!lease?.isBillable, `${what}, but it bills`);
  const state = lease?.state ?? "ended";
  ok(state === "ended" || state === "failed", `${what}, but it is ${state}`);
  const billing = (await context.setup.readBilling?.()) ?? [];
  ok(!billing.includes(leaseId), `${what}, but the platform's meter still runs`);
}

async function releaseWithProof(context: ConformanceContext, leaseId: string): Promise<void> {
  const { releaseTimeoutMs = 60_000 } = context.setup;
  await context.untilSeen(leaseId);
  await context.waitUntil(
    `${leaseId} is released`,
    releaseTimeoutMs,
    async () => (await releaseOnce(context, leaseId)) || undefined,
  );
}

const checks: readonly ConformanceCheck[] = [
  {
    group,
    name: "ends a machine that is up, and says `released` only once it is gone",
    async run(context) {
      const { lease } = await context.rent();
      await context.untilUp(lease.leaseId);
      await releaseWithProof(context, lease.leaseId);
    },
  },
  {
    group,
    name: "ends a machine as soon as it can be seen, booting or not",
    async run(context) {
      const { lease } = await context.rent();
      await releaseWithProof(context, lease.leaseId);
    },
  },
  {
    group,
    name: "stays released, however often it is asked",
    async run(context) {
      const { lease } = await context.rent();
      await releaseWithProof(context, lease.leaseId);
      ok(await releaseOnce(context, lease.leaseId), "it fell back to releasing");
      ok(await releaseOnce(context, lease.leaseId), "it fell back to releasing");
    },
  },
  {
    group,
    name: "says `released` of an id that the platform does not know",
    async run({ platform, wait }) {
      equal((await platform.releaseLease("no-such-lease", wait)).state, "released");
    },
  },
  {
    group,
    name: "may be asked twice at the same moment",
    async run(context) {
      const { lease } = await context.rent();
      await context.untilSeen(lease.leaseId);
      const ask = () => context.platform.releaseLease(lease.leaseId, context.wait);
      await Promise.all([ask(), ask()]);
      await releaseWithProof(context, lease.leaseId);
    },
  },
  {
    group,
    name: "leaves other machines alone",
    needs: [whereLeases(2)],
    async run(context) {
      const first = await context.rent();
      const second = await context.rent();
      await context.untilUp(second.lease.leaseId);
      await releaseWithProof(context, first.lease.leaseId);
      const left = await context.platform.getLease(second.lease.leaseId, context.wait);
      equal(left?.state, "up");
    },
  },
  {
    group,
    name: "takes a released machine off the list of what can cost money",
    async run(context) {
      const { lease } = await context.rent();
      await releaseWithProof(context, lease.leaseId);
      const listed = (await context.listLeases()).find((one) => one.leaseId === lease.leaseId);
      ok(!listed?.isBillable, "the list says that it bills");
    },
  },
  {
    group,
    name: "tries again when a release was accepted and ignored",
    needs: [whereHelper("ignoreNextRelease")],
    async run(context) {
      const { lease } = await context.rent();
      await context.untilUp(lease.leaseId);
      await context.setup.ignoreNextRelease?.();
      await releaseWithProof(context, lease.leaseId);
    },
  },
  {
    group,
    name: "throws when the platform refuses, and ends the machine at the next call",
    needs: [whereHelper("failNext")],
    async run(context) {
      const { lease } = await context.rent();
      await context.untilUp(lease.leaseId);
      await context.setup.failNext?.("release", "unavailable");
      await failureOf(context.platform.releaseLease(lease.leaseId, context.wait));
      await releaseWithProof(context, lease.leaseId);
    },
  },
];

/** All of them end leases, so none applies to machines that are ended by hand. */
export const releaseChecks: readonly ConformanceCheck[] = checks.map((check) => ({
  ...check,
  needs: [whereReleasable, ...(check.needs ?? [])],
}));
