import type {
  Failure,
  GangSsh,
  HostPlan,
  HostSession,
  JobSpec,
  Lease,
  UploadFile,
} from "@gpujob/spec";
import { GpujobError, splitSecrets, toFailure } from "@gpujob/spec";
import { imageFor } from "@gpujob/scheduler";
import { budgetStopAt, defaultGraceMs } from "../core/limits.ts";
import { isEnding } from "../core/status.ts";
import { dataEnvironment } from "../core/data-environment.ts";
import { placeEnvironment } from "../core/place-environment.ts";
import type { RunSession } from "../driver/run-session.ts";
import { orphanMs } from "./ends-at.ts";
import type { MemberRef, Work } from "./work.ts";
import { backOff, isSuperseded, lookUp } from "./work.ts";

/** More log than this stops the job with a reason; nothing is ever dropped. */
const logLimitBytes = 64 * 1024 ** 3;
const shortTetherMs = 8000;

/** Sends code and checkpoint and writes the plan that the host could finish alone. */
export async function runPrepareHost(work: Work, ref: MemberRef): Promise<void> {
  await persist(work, ref, async (host) => {
    const { session, signal } = work;
    const me = session.hostAttempt(ref.attempt, ref.member);
    const files = session.ports.files.listUploads(session.submission.runId);
    const { clock } = session.ports;
    const beganAt = clock.monotonic();
    const report = await host.upload(me, files, {
      signal,
      onProgress: (progress) =>
        session.ports.observe({ type: "progress", what: "upload", attempt: ref.attempt, progress }),
    });
    const sentMs = Math.round(clock.monotonic() - beganAt);
    session.ports.crashPoint("sent:upload");
    const checkpoint = await newestCheckpoint(work);
    const isResumed = checkpoint.length > 0;
    if (isResumed) await host.upload(me, checkpoint, { signal });
    const plan = await planFor(work, ref, isResumed);
    await host.prepare(me, plan, { signal });
    session.ports.crashPoint("sent:prepare-host");
    await session.emit(
      {
        type: "host-prepared",
        ...ref,
        sentBytes: report.sentBytes,
        totalBytes: report.totalBytes,
        sentMs,
        tether: plan.tether,
        isResumed,
      },
      { finish: work.effectId },
    );
  });
}

/** Starts the job. A checkpoint that came home since the preparation is put in place first. */
export async function runStartJob(work: Work, ref: MemberRef): Promise<void> {
  await persist(work, ref, async (host) => {
    const { session, signal } = work;
    const me = session.hostAttempt(ref.attempt, ref.member);
    const found = await host.readBeat(me, { signal });
    // A job that the last driver started began from the same files: no newer ones come home before it is known to run.
    const files = await newestCheckpoint(work);
    const isResumed = files.length > 0;
    const isNew = found.state === "absent" || found.state === "ready";
    if (isNew && lookUp(work, ref).attempt.stopping !== undefined) return fail(work, ref, tooLate);
    if (isNew) {
      if (isResumed) await host.upload(me, files, { signal });
      await host.prepare(me, await planFor(work, ref, isResumed), { signal });
    }
    // What came meanwhile, this effect may not have heard of yet: then nothing begins any more.
    const { attempt } = lookUp(work, ref);
    if (isEnding(attempt)) return;
    if (isNew && attempt.stopping !== undefined) return fail(work, ref, tooLate);
    await host.start(me, { signal });
    session.ports.crashPoint("sent:start-job");
    await session.emit({ type: "job-started", ...ref, isResumed }, { finish: work.effectId });
  });
}

/** Decides nothing: why the job is being stopped does. */
const tooLate: Failure = { kind: "aborted", message: "It was to be stopped before it had begun." };

/** Does something on a host, again after each broken link, for as long as a boot may take. */
async function persist(
  work: Work,
  ref: MemberRef,
  action: (host: HostSession) => Promise<void>,
): Promise<void> {
  const { session, signal } = work;
  const { clock } = session.ports;
  const { target } = lookUp(work, ref);
  const deadline = clock.now() + target.timeouts.bootMs;
  const wait = backOff(500, 5000);
  for (;;) {
    try {
      return await action(await session.host(ref.attempt, ref.member, { signal }));
    } catch (error) {
      if (signal.aborted) throw error;
      const failure = toFailure(error);
      session.ports.observe({ type: "trouble", operation: "prepare", failure });
      const isWanted = lookUp(work, ref).attempt.stopping === undefined;
      const isOver = !isPassing(failure) || !isWanted || clock.now() >= deadline;
      if (isOver && !isSuperseded(failure)) return fail(work, ref, failure);
      session.dropHost(ref.attempt, ref.member);
      await clock.sleep(wait(), { signal });
    }
  }
}

function isPassing(failure: Failure): boolean {
  return ["unreachable", "outcome_unknown", "unavailable", "rate_limited", "aborted"].includes(
    failure.kind,
  );
}

async function fail(work: Work, ref: MemberRef, failure: Failure): Promise<void> {
  await work.session.emit({ type: "prepare-failed", ...ref, failure }, { finish: work.effectId });
}

/** The files that the job goes on from, to be put where it looks for them; none: it begins anew. */
async function newestCheckpoint(work: Work): Promise<readonly UploadFile[]> {
  const { ports, submission } = work.session;
  if (submission.job.checkpoint === undefined) return [];
  const checkpointId = work.session.snapshot().context.checkpoint?.checkpointId;
  if (checkpointId !== undefined) return ports.files.loadCheckpoint(submission.runId, checkpointId);
  if (submission.resumeFrom === undefined) return [];
  return ports.files.loadCheckpoint(submission.resumeFrom.runId);
}

async function planFor(work: Work, ref: MemberRef, isResumed: boolean): Promise<HostPlan> {
  const { session } = work;
  const { submission } = session;
  const { job } = submission;
  const { secrets, login } = splitSecrets(job, session.secrets);
  const { attempt, target } = lookUp(work, ref);
  const now = session.ports.clock.now();
  const orphan = orphanMs(session, target);
  const nodes = await nodeAddresses(work, ref.attempt);
  const own = nodes[ref.member];
  const ssh = await openDoors(work, ref, nodes);
  return {
    environment: {
      ...placeEnvironment(job, attempt.candidate.offer),
      ...dataEnvironment(job, attempt.candidate.offer.platform),
      ...job.environment,
      GPUJOB_PLATFORM: attempt.candidate.offer.platform,
    },
    secrets,
    ...containerFor(job, target.name, login),
    isResumed,
    stopSignal: job.checkpoint?.signal ?? "SIGTERM",
    graceMs: job.checkpoint?.graceMs ?? defaultGraceMs,
    timeLimitMs: Math.max(1000, lastMoment(session, now) - now),
    orphanMs: orphan,
    logLimitBytes,
    tether: chooseTether(work, target.capabilities.release, orphan),
    powerOff: attempt.candidate.offer.byHand?.powerOff ?? target.capabilities.powerOff,
    ...(attempt.members.length > 1 ? { holdAfterSetup: true } : {}),
    holdMs: job.limits.holdMs,
    nodes: {
      addresses: nodes.map((node) => node.address),
      gpusPerNode: attempt.candidate.offer.gpu?.count ?? 0,
      ...(ssh === undefined ? {} : { ssh }),
    },
    ...(own?.cards === undefined ? {} : { cards: own.cards }),
    ...(job.setup === undefined ? {} : { setup: job.setup }),
    ...(job.run === undefined ? {} : { run: job.run }),
    ...(job.idleMs === undefined ? {} : { idleMs: job.idleMs }),
    ...(job.checkpoint === undefined ? {} : { checkpointPath: job.checkpoint.path }),
  };
}

/** What the machine's Docker is to make of the job, where it asks for that there. */
function containerFor(
  job: JobSpec,
  platform: string,
  login: NonNullable<HostPlan["container"]>["login"],
): Pick<HostPlan, "container"> {
  const image = imageFor(job, platform);
  if (image?.startsWith("docker:") !== true) return {};
  return {
    container: {
      image: image.slice("docker:".length),
      ...(login === undefined ? {} : { login }),
      ...(job.hostPaths === undefined ? {} : { mounts: job.hostPaths }),
    },
  };
}

/**
 * When the host stops the job by itself, with no driver at all: at the time limit, or where the budget ends. A driver that
 * is there comes a little before it, and says why.
 */
function lastMoment(session: RunSession, now: number): number {
  const { submission } = session;
  const { context } = session.snapshot();
  const timeLimitAt = context.timeLimitAt ?? now + submission.job.limits.timeMs;
  const budgetAt = budgetStopAt({ context, submission, at: now });
  return budgetAt === undefined ? timeLimitAt : Math.min(timeLimitAt, budgetAt + driverFirstMs);
}

const driverFirstMs = 2000;

/** Short only where no API can prove an end, the driver stays awake and is meant to stay. */
function chooseTether(
  work: Work,
  release: "api" | "owned" | "by-hand",
  orphan: number,
): HostPlan["tether"] {
  const { submission, ports } = work.session;
  const isShort =
    submission.tether === "short" ||
    (submission.tether === "auto" &&
      release !== "api" &&
      !submission.isDetached &&
      ports.staysAwake());
  return isShort ? { kind: "short", lengthMs: shortTetherMs } : { kind: "long", lengthMs: orphan };
}

/** Addresses at which the members of a gang reach each other, by rank; read afresh. */
async function nodeAddresses(
  work: Work,
  number: number,
): Promise<readonly { readonly address: string; readonly cards?: readonly number[] }[]> {
  const { attempt } = lookUp(work, { attempt: number, member: 0 });
  return Promise.all(
    attempt.members.map(async ({ member }) => {
      const node = (await readLease(work, { attempt: number, member })).nodes[0];
      const outside = node?.access?.kind === "ssh" ? node.access.host : "127.0.0.1";
      return {
        address: node?.internalAddress ?? outside,
        ...(node?.cards === undefined ? {} : { cards: node.cards }),
      };
    }),
  );
}

/** How the nodes of a gang reach each other by SSH; `undefined` for one node, and where one of them has no server. */
async function openDoors(
  work: Work,
  { attempt: number }: MemberRef,
  nodes: readonly { readonly address: string }[],
): Promise<GangSsh | undefined> {
  const { session, signal } = work;
  const { gangKey } = session.ports;
  const { attempt } = lookUp(work, { attempt: number, member: 0 });
  if (gangKey === undefined || attempt.members.length < 2) return undefined;
  const found = await Promise.all(
    attempt.members.map(async ({ member }) => {
      const host = await session.host(number, member, { signal });
      const { ssh, user } = await host.readFacts({ signal });
      const address = nodes[member]?.address;
      return ssh === undefined || address === undefined ? undefined : { address, user, ...ssh };
    }),
  );
  const doors = found.filter((door) => door !== undefined);
  if (doors.length < found.length) return undefined;
  const { privateKey, publicKey } = await gangKey(`${session.submission.runId} ${number}`);
  return { privateKey, publicKey, doors };
}

async function readLease(work: Work, ref: MemberRef): Promise<Lease> {
  const { target, member } = lookUp(work, ref);
  const lease =
    member.leaseId === undefined
      ? undefined
      : await target.platform.getLease(member.leaseId, { signal: work.signal });
  if (lease === undefined)
    throw new GpujobError("unreachable", `${target.name}: the machine is not there.`);
  return lease;
}
