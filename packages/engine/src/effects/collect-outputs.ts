import type { Failure } from "@gpujob/spec";
import { toFailure } from "@gpujob/spec";
import type { Attempt, Member } from "../core/context.ts";
import type { Effect } from "../core/effects.ts";
import { attemptOf } from "../core/draft.ts";
import { mostReleaseMs } from "../core/notice.ts";
import type { Report } from "../driver/run-session.ts";
import { takeCheckpoint } from "./take-checkpoints.ts";
import type { Work } from "./work.ts";
import { backOff, deadline } from "./work.ts";

/** A machine that is going away is asked for so long only; one that is kept, for longer. */
const patienceMs = { retry: 5000, settle: 30_000, none: 0 };

/** Brings the last checkpoint and the outputs of every node home. */
export async function runCollectOutputs(
  work: Work,
  effect: Effect & { readonly kind: "collect-outputs" },
): Promise<void> {
  const { session, signal } = work;
  const { clock } = session.ports;
  const { takenAt } = attemptOf(session.snapshot().context, effect.attempt);
  // Once that time is over the machine is there against its notice, or its platform tells that it is not.
  if (takenAt === undefined || takenAt <= clock.now()) return collectPatiently(work, work, effect);
  // A machine that is about to be taken is asked for nothing beyond that: it would only be waited for.
  const leftMs = Math.max(leastMs, takenAt - clock.now() - mostReleaseMs);
  const limit = deadline(clock, signal, leftMs);
  try {
    await collectPatiently(work, { ...work, signal: limit.signal }, effect);
  } finally {
    limit.clear();
  }
}

const leastMs = 1000;

/** Asks again after each failure, for as long as `limited` lasts or somebody's patience. */
async function collectPatiently(
  work: Work,
  limited: Work,
  effect: Effect & { readonly kind: "collect-outputs" },
): Promise<void> {
  const { session, signal } = work;
  const { ports } = session;
  const attempt = attemptOf(session.snapshot().context, effect.attempt);
  const patience = patienceMs[attempt.end?.next ?? "settle"];
  const endsAt = ports.clock.now() + Math.min(patience, session.submission.job.limits.holdMs);
  const wait = backOff(250, 2000);
  const isMissing = createMissing(work, attempt);
  for (;;) {
    try {
      await takeCheckpoint(limited, attempt.number, true);
      const collected = await collect(limited, attempt.number);
      return await session.emit(collected, { finish: work.effectId });
    } catch (error) {
      if (signal.aborted) throw error;
      const failure = await isMissing(toFailure(error));
      ports.observe({ type: "trouble", operation: "collect", failure });
      for (const { member } of attempt.members) session.dropHost(attempt.number, member);
      const isOver = limited.signal.aborted || ports.clock.now() >= endsAt;
      if (failure.kind === "lease_failed" || isOver) {
        return session.emit(
          { type: "collect-failed", attempt: attempt.number, failure },
          { finish: work.effectId },
        );
      }
      await ports.clock.sleep(wait(), { signal });
    }
  }
}

/** Two answers "no such machine" count only when they are so far apart, with no other answer between. */
const betweenLooksMs = 10_000;

/**
 * Asks after a failure whether the platform knows the machines yet: some forget those that ended. What was a broken link
 * becomes `lease_failed` once one of them is proven to be gone.
 */
function createMissing(work: Work, attempt: Attempt): (failure: Failure) => Promise<Failure> {
  const { session, signal } = work;
  const { clock, platform } = session.ports;
  const target = platform(attempt.candidate.offer.platform);
  const since = new Map<number, number>();

  async function look({ member, leaseId }: Member): Promise<boolean> {
    if (leaseId === undefined) return false;
    const asked = clock.monotonic();
    if ((await target.platform.getLease(leaseId, { signal })) !== undefined) since.delete(member);
    else if (!since.has(member)) since.set(member, clock.monotonic());
    return asked - (since.get(member) ?? asked) >= betweenLooksMs;
  }

  return async (failure) => {
    if (failure.kind !== "unreachable" || target.capabilities.release !== "api") return failure;
    try {
      for (const member of attempt.members) {
        if (await look(member))
          return { ...failure, kind: "lease_failed", message: `${target.name}: it is gone.` };
      }
    } catch (error) {
      // A platform that cannot be asked has proven nothing.
      if (signal.aborted) throw error;
    }
    return failure;
  };
}

/** Outputs of every node; nothing is journaled yet. */
async function collect(work: Work, number: number): Promise<Report> {
  const { session, signal } = work;
  const { submission, ports } = session;
  const attempt = attemptOf(session.snapshot().context, number);
  const files: string[] = [];
  const bytes: number[] = [];
  let skipped = 0;
  for (const { member } of attempt.members) {
    const host = await session.host(number, member, { signal });
    const subfolder = subfolderOf(attempt.end?.next === "retry", number, member);
    const report = await ports.files.collectOutputs(host, session.hostAttempt(number, member), {
      signal,
      globs: submission.job.outputs,
      folder: submission.outputFolder,
      ...(subfolder === "" ? {} : { subfolder }),
      onProgress: (progress) =>
        ports.observe({ type: "progress", what: "download", attempt: number, progress }),
    });
    files.push(...report.files.map((file) => (subfolder === "" ? file : `${subfolder}/${file}`)));
    skipped += report.skipped.length;
    bytes.push(report.bytes ?? 0);
  }
  ports.crashPoint("sent:collect-outputs");
  return { type: "outputs-collected", attempt: number, files, skipped, bytes };
}

/** What an attempt left that is followed by another is kept apart: the last one's outputs have the plain names. */
function subfolderOf(isFollowed: boolean, attempt: number, member: number): string {
  const parts: string[] = [];
  if (isFollowed) parts.push(`attempt-${attempt}`);
  if (member > 0) parts.push(`node-${member}`);
  return parts.join("/");
}
