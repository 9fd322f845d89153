import type { Failure, Lease, Money } from "@gpujob/spec";
import { toFailure } from "@gpujob/spec";
import type { Member } from "../core/context.ts";
import type { Look } from "../core/events.ts";
import type { MemberRef, Work } from "./work.ts";
import { giveBack } from "./give-back.ts";
import { backOff, deadline, isSuperseded, lookUp } from "./work.ts";

/** Two answers "no such machine" count only when they are so far apart. */
const betweenLooksMs = 10_000;
/** For a machine so young that a platform may not know it everywhere: longer than one of its copies stays behind. */
const betweenYoungLooksMs = 40_000;
const endHostDeadlineMs = 5000;
/** After so long a machine that ends slowly is looked at as seldom as any other. */
const longestWatchMs = 60_000;
const supersededWaitMs = 30_000;

/**
 * Ends one lease and stays until its absence is proven, for ever if need be: a terminal state by id, or "no such machine"
 * twice, ten seconds apart, from a platform that has had time to show it; further apart from one that has shown it since and
 * accepted its release.
 */
export async function runReleaseLease(work: Work, ref: MemberRef): Promise<void> {
  const { session, signal } = work;
  const { clock } = session.ports;
  const looks: Look[] = [];
  const note = (what: Look["what"], answer: string): void => {
    looks.push({ at: clock.now(), what, answer });
    // A receipt needs the first asks and the last looks, not a night of retries.
    if (looks.length > 40) looks.splice(20, 1);
  };
  const startedAt = clock.now();
  const absence = createAbsence(work, ref);
  let wait = backOff(250, 30_000);
  let isTold = false;
  let host: "unasked" | "tried" | "ended" = "unasked";
  for (;;) {
    const { target } = lookUp(work, ref);
    // A machine that was rented by hand runs on: it is asked until it says that the job has ended.
    if (host === "unasked" || (host === "tried" && target.capabilities.release === "by-hand")) {
      const answer = await endHost(work, ref, note);
      if (answer === "superseded") {
        await clock.sleep(supersededWaitMs, { signal });
        continue;
      }
      host = answer;
    }
    await absence.lookBefore();
    const answer = await releaseOnce(work, ref, note);
    session.ports.crashPoint("sent:release-lease");
    const wasMissing = absence.isMissing();
    const proof = await absence.look(note, answer.isAccepted);
    if (proof !== undefined) {
      return session.emit(
        { type: "lease-released", ...ref, ...proof, looks },
        { finish: work.effectId },
      );
    }
    const elapsedMs = clock.now() - startedAt;
    if (target.capabilities.release !== "api") {
      if (
        (await giveBack(work, ref, { ...answer, elapsedMs, isJobEnded: host === "ended" })) ===
        "over"
      )
        return;
    } else if (!isTold && elapsedMs >= target.timeouts.releaseMs) {
      isTold = true;
      await session.emit({
        type: "release-unconfirmed",
        ...ref,
        failure: answer.failure ?? stillThere(target.name),
      });
    }
    // Looked at closely from here on: one that comes back has been missed for a moment only, and tells when it ended.
    if (absence.isMissing() && !wasMissing) wait = backOff(1000, 3000);
    session.dropHost(ref.attempt, ref.member);
    const pauseMs = Math.max(wait(), answer.againAfterMs ?? 0);
    const { watchEveryMs } = answer;
    const isWatched = watchEveryMs !== undefined && elapsedMs < longestWatchMs;
    if (isWatched && !absence.isMissing()) await absence.watch(pauseMs, watchEveryMs);
    else await clock.sleep(pauseMs, { signal });
  }
}

type Note = (what: Look["what"], answer: string) => void;

/** Ends the job on the machine first, so that a machine of the user's own is left clean; a rented one goes anyway. */
async function endHost(
  work: Work,
  ref: MemberRef,
  note: Note,
): Promise<"tried" | "ended" | "superseded"> {
  const { session } = work;
  const { attempt, target } = lookUp(work, ref);
  if (attempt.isStartAsked !== true && target.capabilities.release === "api") return "tried";
  const limit = deadline(session.ports.clock, work.signal, endHostDeadlineMs);
  try {
    const host = await session.host(ref.attempt, ref.member, limit);
    await host.end(session.hostAttempt(ref.attempt, ref.member), {
      signal: limit.signal,
      remove: target.capabilities.release !== "api",
    });
    session.ports.crashPoint("sent:end-host");
    note("host", "ended");
    return "ended";
  } catch (error) {
    if (work.signal.aborted) throw error;
    const failure = toFailure(error);
    note("host", failure.message);
    if (!isSuperseded(failure)) return "tried";
    session.ports.observe({ type: "trouble", operation: "releaseLease", failure });
    return "superseded";
  } finally {
    limit.clear();
  }
}

interface ReleaseAnswer {
  readonly isAccepted: boolean;
  readonly againAfterMs?: number;
  readonly watchEveryMs?: number;
  readonly failure?: Failure;
}

async function releaseOnce(work: Work, ref: MemberRef, note: Note): Promise<ReleaseAnswer> {
  const { target, member } = lookUp(work, ref);
  const { leaseId } = member;
  if (leaseId === undefined) return { isAccepted: false };
  try {
    const progress = await target.platform.releaseLease(leaseId, { signal: work.signal });
    note("release", progress.state);
    return {
      isAccepted: true,
      ...(progress.againAfterMs === undefined ? {} : { againAfterMs: progress.againAfterMs }),
      ...(progress.watchEveryMs === undefined ? {} : { watchEveryMs: progress.watchEveryMs }),
    };
  } catch (error) {
    if (work.signal.aborted) throw error;
    const failure = toFailure(error);
    note("release", failure.message);
    work.session.ports.observe({ type: "trouble", operation: "releaseLease", failure });
    return {
      isAccepted: false,
      failure,
      ...(failure.retryAfterMs === undefined ? {} : { againAfterMs: failure.retryAfterMs }),
    };
  }
}

interface Proof {
  readonly state: "gone";
  readonly billedFrom?: number;
  readonly billedTo?: number;
  readonly pricePerHour?: Money;
}

/** When a question was put: a driver that stood still reads an answer long after it was given. */
interface Asked {
  readonly ageMs: number;
  readonly monotonic: number;
}

/** Collects looks until they prove that the machine is gone. */
function createAbsence(
  work: Work,
  ref: MemberRef,
): {
  readonly look: (note: Note, isAccepted: boolean) => Promise<Proof | undefined>;
  /**
   * Before each release: a machine that never became ready may have begun to bill all the same, and once it is gone nobody
   * may tell when. And a platform that accepts the release of a young machine means it only where it shows that machine.
   */
  readonly lookBefore: () => Promise<void>;
  /** Looks every so often until it is missing, or the time is over: its end is then known as closely as that. */
  readonly watch: (forMs: number, everyMs: number) => Promise<void>;
  /** Did the platform not know the machine when it was asked last? */
  readonly isMissing: () => boolean;
} {
  const { clock } = work.session.ports;
  let firstMiss: { readonly at: number; readonly monotonic: number } | undefined;
  let hasAccepted = false;
  /** Did the last answer show the machine? */
  let isShown = false;
  let billedFrom: number | undefined;
  // A machine may stop to bill before it is gone: its last word about that counts.
  let billedTo: number | undefined;
  let pricePerHour: Money | undefined;

  async function read(leaseId: string): Promise<Lease | undefined> {
    const { target } = lookUp(work, ref);
    const lease = await target.platform.getLease(leaseId, { signal: work.signal });
    if (lease?.startedAt !== undefined) billedFrom = Date.parse(lease.startedAt);
    isShown = lease !== undefined;
    if (lease !== undefined) {
      firstMiss = undefined;
      pricePerHour = lease.pricePerHour ?? pricePerHour;
      billedTo =
        lease.endedAt === undefined || lease.isBillable ? undefined : Date.parse(lease.endedAt);
    }
    return lease;
  }

  function prove(endedAt: number | undefined): Proof {
    const end = billedTo ?? endedAt;
    return {
      state: "gone",
      ...(billedFrom === undefined ? {} : { billedFrom }),
      ...(end === undefined ? {} : { billedTo: end }),
      ...(pricePerHour === undefined ? {} : { pricePerHour }),
    };
  }

  function judge(lease: Lease | undefined, isAccepted: boolean, asked: Asked): Proof | undefined {
    const { target } = lookUp(work, ref);
    if (lease !== undefined) {
      if (lease.state !== "ended" && !(lease.state === "failed" && !lease.isBillable))
        return undefined;
      return prove(lease.endedAt === undefined ? undefined : Date.parse(lease.endedAt));
    }
    const now = clock.now();
    // A machine that was rented by hand and knows nothing of us may bill all the same.
    if (target.capabilities.release === "by-hand") return undefined;
    // Nothing bills on a machine of the user's own: that its reservation is gone is all there is to prove.
    if (target.capabilities.release === "owned" && isAccepted) return { state: "gone" };
    const isYoung = asked.ageMs <= target.capabilities.visibilityWindowMs;
    // An earlier look may have been too early to see it: then it may have billed until now.
    if (isYoung && !hasAccepted) return undefined;
    firstMiss ??= { at: now, monotonic: clock.monotonic() };
    // A young one comes and goes in what its platform shows, and may be ending still.
    const apartMs = isYoung ? betweenYoungLooksMs : betweenLooksMs;
    const isRepeated = asked.monotonic - firstMiss.monotonic >= apartMs;
    return isRepeated ? prove(firstMiss.at) : undefined;
  }

  function ageOf({ createdAt, intendedAt }: Member): number {
    return work.session.ageOf(createdAt ?? intendedAt);
  }

  return {
    isMissing: () => firstMiss !== undefined,
    async lookBefore() {
      const { target, member } = lookUp(work, ref);
      if (member.leaseId === undefined || target.capabilities.release !== "api") return;
      const isKnown = member.billedFrom !== undefined || billedFrom !== undefined;
      const isYoung = ageOf(member) <= target.capabilities.visibilityWindowMs;
      if (isKnown && (!isYoung || hasAccepted)) return;
      try {
        await read(member.leaseId);
      } catch (error) {
        // The release does not wait for it.
        if (work.signal.aborted) throw error;
      }
    },
    async watch(forMs, everyMs) {
      const { signal } = work;
      const until = clock.monotonic() + forMs;
      for (let left = forMs; left > 0; left = until - clock.monotonic()) {
        await clock.sleep(Math.min(everyMs, left), { signal });
        const { member } = lookUp(work, ref);
        if (member.leaseId === undefined || firstMiss !== undefined) continue;
        const asked = { ageMs: ageOf(member), monotonic: clock.monotonic() };
        try {
          // What it proves, the next look proves too.
          judge(await read(member.leaseId), true, asked);
        } catch (error) {
          if (signal.aborted) throw error;
        }
      }
    },
    async look(note, isAccepted) {
      const { member } = lookUp(work, ref);
      if (member.leaseId === undefined) return undefined;
      const asked = { ageMs: ageOf(member), monotonic: clock.monotonic() };
      hasAccepted ||= isAccepted && isShown;
      try {
        const lease = await read(member.leaseId);
        note("get", lease === undefined ? "no such machine" : lease.state);
        return judge(lease, isAccepted, asked);
      } catch (error) {
        if (work.signal.aborted) throw error;
        note("get", toFailure(error).message);
        return undefined;
      }
    },
  };
}

function stillThere(platform: string): Failure {
  return {
    kind: "release_failed",
    message: `${platform} has not confirmed that the machine is gone; it may still cost money.`,
    hint: "gpujob audit shows what still bills; the release is asked for until it is proven.",
  };
}
