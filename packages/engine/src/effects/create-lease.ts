import type { Failure, FailureKind, Lease, LeaseRequest } from "@gpujob/spec";
import { IncompleteListError, toFailure } from "@gpujob/spec";
import { computeTerms, imageFor } from "@gpujob/scheduler";
import type { Member } from "../core/context.ts";
import { isEnding } from "../core/status.ts";
import { usualBootMs } from "./boot-times.ts";
import { endsAt, lastUse } from "./ends-at.ts";
import { findGiven } from "./take-machine.ts";
import type { MemberRef, Work } from "./work.ts";
import { backOff, lookUp } from "./work.ts";

/** A create that takes longer is taken for unclear. */
const createDeadlineMs = 60_000;
/** Platforms may show a machine late: without a token it is looked for at least so long. */
const leastWindowMs = 180_000;
const watchKeyMs = 24 * 3_600_000;
/** After so long a platform that knows our token is asked by list as well. */
const tokenPatienceMs = 120_000;

/**
 * Rents one machine, once. After a crash or a lost answer: the same token again where the platform knows tokens, else a
 * look through the whole visibility window before anything else is believed.
 */
export async function runCreateLease(work: Work, ref: MemberRef): Promise<void> {
  const { target } = lookUp(work, ref);
  const kept = await findKept(work, ref);
  if (kept !== undefined) return emitCreated(work, ref, kept);
  const isUnclear = work.tries > 0 || lookUp(work, ref).member.state === "unclear";
  if (isUnclear && target.capabilities.idempotency !== "token") {
    return lookThroughWindow(work, ref, unclearAfterCrash(target.name));
  }
  if (!isUnclear && isEnding(lookUp(work, ref).attempt)) {
    return refuse(work, ref, { kind: "aborted", message: "The machine was no longer wanted." });
  }
  return send(work, ref, isUnclear);
}

async function send(work: Work, ref: MemberRef, wasUnclear: boolean): Promise<void> {
  const { session, signal } = work;
  const { ports } = session;
  const startedAt = ports.clock.now();
  const wait = backOff(1000, 30_000);
  for (let isUnclear = wasUnclear; ;) {
    await session.holdLock(createDeadlineMs);
    const answer = await create(work, ref);
    ports.crashPoint("sent:create-lease");
    if (answer.kind === "created") return created(work, ref, answer.lease);
    if (answer.kind === "refused") {
      if (!isUnclear) return refuse(work, ref, answer.failure);
      return lookThroughWindow(work, ref, answer.failure);
    }
    await noteUnclear(work, ref, answer.failure);
    isUnclear = true;
    const { target } = lookUp(work, ref);
    const isPatient = ports.clock.now() - startedAt < tokenPatienceMs;
    if (target.capabilities.idempotency !== "token" || !isPatient) {
      return lookThroughWindow(work, ref, answer.failure);
    }
    await ports.clock.sleep(wait(), { signal });
  }
}

type Answer =
  | { readonly kind: "created"; readonly lease: Lease }
  | { readonly kind: "refused"; readonly failure: Failure }
  | { readonly kind: "unclear"; readonly failure: Failure };

async function create(work: Work, ref: MemberRef): Promise<Answer> {
  const { target } = lookUp(work, ref);
  try {
    const lease = await target.platform.createLease(await requestFor(work, ref), {
      signal: work.signal,
    });
    return { kind: "created", lease };
  } catch (error) {
    if (work.signal.aborted) throw error;
    const failure = toFailure(error);
    return { kind: refusals.has(failure.kind) ? "refused" : "unclear", failure };
  }
}

/** Kinds that a platform uses only when it has made nothing. Every other answer may hide a machine. */
const refusals: ReadonlySet<FailureKind> = new Set([
  "no_capacity",
  "quota_exceeded",
  "insufficient_funds",
  "unauthorized",
  "forbidden",
  "not_verified",
  "price_changed",
  "unsupported_request",
  "rate_limited",
  "lease_failed",
  // The configuration or a credential is missing here, so nothing was sent.
  "config_invalid",
  "needs_credentials",
]);

async function requestFor(work: Work, ref: MemberRef): Promise<LeaseRequest> {
  const { session } = work;
  const { submission, ports } = session;
  const { attempt, member, target } = lookUp(work, ref);
  const { job } = submission;
  const until = endsAt(session, target);
  const priceLimit = job.limits.pricePerHour;
  const { price } = attempt.candidate.offer;
  const { factor: paidPart } = computeTerms(price, price.perHour);
  return {
    leaseKey: member.leaseKey,
    ownership: {
      installation: submission.installation,
      run: submission.runId.replace(/^r-/, ""),
      attempt: attempt.number,
      member: member.member,
      expires: Math.ceil(lastUse(session) / 1000),
    },
    offer: attempt.candidate.offer,
    nodes: 1,
    diskGib: job.resources.diskGib?.min ?? attempt.candidate.offer.includedDiskGib ?? 0,
    sshPublicKey: await ports.sshPublicKey(),
    endsAt: new Date(until).toISOString(),
    ...platformImage(imageFor(job, target.name)),
    ...(job.resources.fabric.kind === "rdma" && job.resources.nodes > 1 ? { fabric: "rdma" } : {}),
    ...(priceLimit === undefined
      ? {}
      : {
          priceLimit: {
            ...priceLimit,
            // The platform holds it against its list price, of which less may be paid.
            micros: Math.floor(priceLimit.micros / job.resources.nodes / paidPart),
          },
        }),
  };
}

/** A Docker image is for the machine's own Docker, once it is up. */
function platformImage(image: string | undefined): { readonly image?: string } {
  return image === undefined || image.startsWith("docker:") ? {} : { image };
}

async function created(work: Work, ref: MemberRef, lease: Lease): Promise<void> {
  const billedFrom = billingStart(lease, work.session.ports.clock.now());
  const bootMs = await usualBootMs(work, ref);
  await emitCreated(work, ref, {
    leaseId: lease.leaseId,
    ...(bootMs === undefined ? {} : { usualBootMs: bootMs }),
    ...(lease.pricePerHour === undefined ? {} : { pricePerHour: lease.pricePerHour }),
    ...(billedFrom === undefined ? {} : { billedFrom }),
  });
}

type CreatedFacts = Pick<Member, "pricePerHour" | "billedFrom"> & {
  readonly leaseId: string;
  readonly usualBootMs?: number;
};

async function emitCreated(work: Work, ref: MemberRef, facts: CreatedFacts): Promise<void> {
  await work.session.emit({ type: "lease-created", ...ref, ...facts }, { finish: work.effectId });
}

/** `--on`: the machine is there already, and this run pays from the moment at which the other one ceased to. */
async function findKept(work: Work, ref: MemberRef): Promise<CreatedFacts | undefined> {
  const { submission, ports } = work.session;
  if (submission.on === undefined || ref.attempt !== 1) return undefined;
  const given = await findGiven(ports.store, submission.on.runId, submission.runId).catch(
    () => undefined,
  );
  const member = given?.members[ref.member];
  if (member?.leaseId === undefined) return undefined;
  return {
    leaseId: member.leaseId,
    ...(member.pricePerHour === undefined ? {} : { pricePerHour: member.pricePerHour }),
    ...(member.billedTo === undefined ? {} : { billedFrom: member.billedTo }),
  };
}

/** When billing began, by the platform's word; unknown to it: now, if time costs money already. */
export function billingStart(lease: Lease, now: number): number | undefined {
  if (lease.startedAt !== undefined) return Date.parse(lease.startedAt);
  return lease.isBillable ? now : undefined;
}

async function refuse(
  work: Work,
  ref: MemberRef,
  failure: Failure,
  watchUntil?: number,
): Promise<void> {
  await work.session.emit(
    { type: "lease-refused", ...ref, failure, ...(watchUntil === undefined ? {} : { watchUntil }) },
    { finish: work.effectId },
  );
}

async function noteUnclear(work: Work, ref: MemberRef, failure: Failure): Promise<void> {
  if (lookUp(work, ref).member.state === "unclear") return;
  await work.session.emit({ type: "lease-unclear", ...ref, failure });
}

/** Looks for the machine until the window is over; what was never seen is believed not to exist, and watched for a day. */
async function lookThroughWindow(work: Work, ref: MemberRef, failure: Failure): Promise<void> {
  const { session, signal } = work;
  const { ports } = session;
  const { target, member } = lookUp(work, ref);
  await noteUnclear(work, ref, failure);
  const windowMs = Math.max(leastWindowMs, target.capabilities.visibilityWindowMs);
  // By the clock that nobody sets: a jump of the other would end the window before the machine shows.
  const until = ports.clock.monotonic() + windowMs;
  const wait = backOff(1000, 30_000);
  for (let looks = 0; ;) {
    const isOver = ports.clock.monotonic() >= until;
    const found = await findByKey(work, ref);
    // A platform that did not answer was not looked at, and what it said early in the window says nothing of its end.
    if (found === undefined) looks += 1;
    else if (found !== "unknown") return created(work, ref, found);
    if (isOver && found === undefined && looks >= 3) break;
    await ports.clock.sleep(wait(), { signal });
  }
  const unseen: Failure = {
    ...failure,
    kind: failure.kind === "aborted" ? "outcome_unknown" : failure.kind,
    message: `${failure.message} No machine of ours appeared within ${Math.round(windowMs / 1000)} s.`,
  };
  await refuse(
    work,
    { attempt: ref.attempt, member: member.member },
    unseen,
    ports.clock.now() + watchKeyMs,
  );
}

async function findByKey(work: Work, ref: MemberRef): Promise<Lease | undefined | "unknown"> {
  const { session, signal } = work;
  const { target, member } = lookUp(work, ref);
  const run = session.submission.runId.replace(/^r-/, "");
  const findIn = (leases: readonly Lease[]): Lease | undefined =>
    leases.find(
      ({ leaseKey, ownership }) =>
        leaseKey === member.leaseKey ||
        (ownership?.run === run &&
          ownership.attempt === ref.attempt &&
          ownership.member === ref.member),
    );
  try {
    const installation = { installation: session.submission.installation };
    return findIn(await target.platform.listLeases(installation, { signal }));
  } catch (error) {
    if (signal.aborted) throw error;
    const found = IncompleteListError.is(error) ? findIn(error.listed) : undefined;
    if (found !== undefined) return found;
    session.ports.observe({ type: "trouble", operation: "listLeases", failure: toFailure(error) });
    return "unknown";
  }
}

function unclearAfterCrash(platform: string): Failure {
  return {
    kind: "outcome_unknown",
    scope: "offer",
    message: `${platform}: the last driver ended while it was renting; looking for its machine.`,
  };
}
