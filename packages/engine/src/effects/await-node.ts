import type { Failure, Lease } from "@gpujob/spec";
import { GpujobError, toFailure } from "@gpujob/spec";
import { probeAllowanceMs } from "../core/limits.ts";
import { bootTimeMs } from "./boot-times.ts";
import { billingStart } from "./create-lease.ts";
import { compareWithOffer } from "./preflight.ts";
import { probeNode } from "./probe-node.ts";
import type { MemberRef, Work } from "./work.ts";
import { backOff, lookUp } from "./work.ts";

/** A login that is refused more often than this will not be accepted by asking again. */
const mostRejections = 3;

/** Waits until the platform says that the machine is up and the machine itself says that it is what was rented. */
export async function runAwaitNode(work: Work, ref: MemberRef): Promise<void> {
  const { session, signal } = work;
  const { clock } = session.ports;
  const { target } = lookUp(work, ref);
  const deadline = clock.now() + target.timeouts.bootMs + probeAllowanceMs(session.submission.job);
  const wait = backOff(200, 5000);
  let rejections = 0;
  let last: Failure | undefined;
  let billedFrom: number | undefined;
  while (clock.now() < deadline) {
    try {
      const lease = await readLease(work, ref);
      billedFrom = billingStart(lease, clock.now());
      await learnPrice(work, ref, lease);
      if (lease.state === "up") return await greet(work, ref, lease);
    } catch (error) {
      if (signal.aborted) throw error;
      last = toFailure(error);
      session.ports.observe({ type: "trouble", operation: "await-node", failure: last });
      if (last.kind === "unauthorized") rejections += 1;
      if (isHopeless(last) || rejections > mostRejections) return fail(work, ref, last, billedFrom);
      session.dropHost(ref.attempt, ref.member);
    }
    session.ports.observe({ type: "progress", what: "boot", attempt: ref.attempt, progress: null });
    await clock.sleep(wait(), { signal });
  }
  const minutes = Math.round(target.timeouts.bootMs / 60_000);
  const why = last === undefined ? "" : ` Last: ${last.message}`;
  const message = `${target.name}: the machine was not ready after ${minutes} min.${why}`;
  await fail(work, ref, { kind: "lease_failed", scope: "offer", message }, billedFrom);
}

/** What no waiting will change. A platform that cannot be asked just now is not among it. */
function isHopeless(failure: Failure): boolean {
  return (
    failure.kind === "lease_failed" ||
    failure.kind === "no_capacity" ||
    failure.kind === "forbidden" ||
    failure.kind === "interrupted"
  );
}

/** The lease as the platform sees it; one that ended or cannot come up throws `lease_failed`. */
async function readLease(work: Work, ref: MemberRef): Promise<Lease> {
  const { target, member } = lookUp(work, ref);
  const { leaseId } = member;
  if (leaseId === undefined)
    throw new GpujobError("internal", "A lease without an id cannot be waited for.");
  const lease = await target.platform.getLease(leaseId, { signal: work.signal });
  const age = work.session.ageOf(member.createdAt ?? member.intendedAt);
  if (lease === undefined && age < target.capabilities.visibilityWindowMs) {
    throw new GpujobError("unavailable", `${target.name} does not show the machine yet.`);
  }
  if (lease === undefined || lease.state === "ended" || lease.state === "failed") {
    const why = lease?.reason ?? "it is gone";
    const kind = lease?.failedFor ?? "lease_failed";
    throw new GpujobError(kind, `${target.name}: the machine did not come up (${why}).`, {
      scope: "offer",
    });
  }
  return lease;
}

/** What the machine costs, where that was not told when it was rented. Above the limit this wait is over. */
async function learnPrice(work: Work, ref: MemberRef, { pricePerHour }: Lease): Promise<void> {
  if (pricePerHour === undefined || lookUp(work, ref).member.pricePerHour !== undefined) return;
  await work.session.emit({ type: "lease-priced", ...ref, pricePerHour });
  work.signal.throwIfAborted();
}

async function greet(work: Work, ref: MemberRef, lease: Lease): Promise<void> {
  const { session, signal } = work;
  const { attempt } = lookUp(work, ref);
  const host = await session.host(ref.attempt, ref.member, { signal });
  const facts = await host.readFacts({ signal });
  const { failure, warnings } = compareWithOffer(
    attempt.candidate.offer,
    session.submission.job,
    facts,
    lease.nodes[0],
  );
  if (failure !== undefined) return fail(work, ref, failure);
  const billedFrom = billingStart(lease, session.ports.clock.now());
  const bootMs = bootTimeMs(work, ref);
  const probed = await probeNode(work, ref, { host, facts, node: lease.nodes[0] });
  if (probed.failure !== undefined) return fail(work, ref, probed.failure, billedFrom);
  await session.emit(
    {
      type: "node-ready",
      ...ref,
      bootId: facts.bootId,
      machineId: facts.machineId,
      warnings: [...warnings, ...probed.notes],
      ...(probed.probe === undefined ? {} : { probe: probed.probe }),
      ...(bootMs === undefined ? {} : { bootMs }),
      ...(billedFrom === undefined ? {} : { billedFrom }),
    },
    { finish: work.effectId },
  );
}

async function fail(
  work: Work,
  ref: MemberRef,
  failure: Failure,
  billedFrom?: number,
): Promise<void> {
  const billed = billedFrom === undefined ? {} : { billedFrom };
  await work.session.emit(
    { type: "node-failed", ...ref, failure, ...billed },
    { finish: work.effectId },
  );
}
