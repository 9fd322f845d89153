import { equal, fail, ok } from "node:assert/strict";
import type { Failure } from "@gpujob/spec";
import type { FaultTarget } from "../testing/fake-faults.ts";
import type { ConformanceCheck } from "./check.ts";
import { whereHelper } from "./check.ts";
import type { ConformanceContext } from "./context.ts";
import { failureOf } from "./context.ts";

const group = "abort";

type Call = (context: ConformanceContext, signal: AbortSignal) => Promise<unknown>;

const reads = {
  offers: ({ platform, setup }, signal) => platform.listOffers(setup.offerQuery ?? {}, { signal }),
  get: ({ platform, unknownLeaseId }, signal) => platform.getLease(unknownLeaseId, { signal }),
  list: ({ platform, installation }, signal) => platform.listLeases({ installation }, { signal }),
} satisfies Partial<Record<FaultTarget, Call>>;

const names = { offers: "listOffers", get: "getLease", list: "listLeases" };

/** A limit for code that must not wait, by the system's clock: the one under test may stand still. */
async function promptly({ setup }: ConformanceContext, call: Promise<Failure>): Promise<Failure> {
  const limitMs = setup.abortTimeoutMs ?? 5000;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It ignored the abort for ${limitMs} ms.`)), limitMs);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}

function stopsBefore(name: keyof typeof reads): ConformanceCheck {
  return {
    group,
    name: `throws aborted from ${names[name]} when the signal has fired before`,
    async run(context) {
      const failure = await promptly(context, failureOf(reads[name](context, AbortSignal.abort())));
      equal(failure.kind, "aborted");
    },
  };
}

function stopsDuring(name: keyof typeof reads): ConformanceCheck {
  return {
    group,
    name: `throws aborted from ${names[name]} when the signal fires while it waits`,
    needs: [whereHelper("hangNext")],
    async run(context) {
      await context.setup.hangNext?.(name);
      const stop = new AbortController();
      const failing = failureOf(reads[name](context, stop.signal));
      failing.catch(() => {});
      await untilHanging(context);
      stop.abort();
      equal((await promptly(context, failing)).kind, "aborted");
    },
  };
}

/** Lets a call get on its way: to where it hangs, if the set-up can tell, else for a few turns of the event loop. */
async function untilHanging({ setup }: ConformanceContext): Promise<void> {
  const untilMs = performance.now() + (setup.abortTimeoutMs ?? 5000);
  for (let turn = 0; turn < 10 || setup.hasHung?.() === false; turn++) {
    if (performance.now() > untilMs) fail("The call that was to hang has not arrived.");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export const abortChecks: readonly ConformanceCheck[] = [
  stopsBefore("offers"),
  stopsBefore("get"),
  stopsBefore("list"),
  {
    group,
    name: "rents nothing when the signal has fired before",
    async run(context) {
      const request = await context.newRequest();
      context.remember(request);
      const signal = AbortSignal.abort();
      const failure = await promptly(
        context,
        failureOf(context.platform.createLease(request, { signal })),
      );
      equal(failure.kind, "aborted");
      const leases = await context.listLeases();
      const isThere = leases.some((lease) => lease.ownership?.run === request.ownership.run);
      ok(!isThere, "a machine was made all the same");
    },
  },
  {
    group,
    name: "says aborted or outcome_unknown when the signal fires during a create",
    needs: [whereHelper("hangNext")],
    async run(context) {
      const request = await context.newRequest();
      context.remember(request);
      await context.setup.hangNext?.("create");
      const stop = new AbortController();
      const failing = failureOf(context.platform.createLease(request, { signal: stop.signal }));
      failing.catch(() => {});
      await untilHanging(context);
      stop.abort();
      const { kind } = await promptly(context, failing);
      ok(kind === "aborted" || kind === "outcome_unknown", `it says ${kind}`);
    },
  },
  {
    group,
    name: "releases nothing when the signal has fired before",
    async run(context) {
      const { lease } = await context.rent();
      await context.untilUp(lease.leaseId);
      const signal = AbortSignal.abort();
      const failing = failureOf(context.platform.releaseLease(lease.leaseId, { signal }));
      equal((await promptly(context, failing)).kind, "aborted");
      const after = await context.platform.getLease(lease.leaseId, context.wait);
      if (after?.state !== "up") fail(`the machine is ${after?.state ?? "gone"}`);
    },
  },
  stopsDuring("offers"),
  stopsDuring("get"),
  stopsDuring("list"),
];
