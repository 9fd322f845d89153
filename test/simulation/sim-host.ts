import type { HostAttempt, HostBeat, HostExit, HostPlan } from "@gpujob/spec";
import { PlatformError, supersededCode } from "@gpujob/spec";
import type { JobFacts } from "./scenario.ts";
import { epochMs } from "./world-time.ts";

/** A time in which a job ran and was not frozen. */
export interface Stretch {
  readonly attempt: number;
  readonly rank: number;
  readonly from: number;
  to: number;
}

/** What a job had written at a moment. */
export interface Product {
  /** Milliseconds of work that its newest checkpoint contains. */
  readonly checkpoint: number;
  readonly logBytes: number;
  /** Work done in all, which is what its output says. */
  readonly doneMs: number;
}

interface Job {
  readonly rank: number;
  readonly attempt: number;
  plan: HostPlan;
  isStarted: boolean;
  starts: number;
  resumedMs: number;
  workedMs: number;
  savedMs: number;
  setUpLeftMs: number;
  hasProceeded: boolean;
  lookedAt: number;
  isFrozen: boolean;
  tetherUntil: number;
  nonce?: string;
  deadlineAt: number;
  contactAt: number;
  stopAt: number;
  stopReason: HostExit["reason"];
  exit?: HostExit;
  stretch?: Stretch;
}

/** What a fault takes out of a host, for the gate that shows the simulation would notice. */
export interface HostWeakness {
  readonly ignoresEpoch?: boolean;
  readonly neverFreezes?: boolean;
  readonly startsAgain?: boolean;
}

/**
 * One simulated machine with its supervisor and jobs. Nothing ticks: whoever looks lets the time since the last look
 * pass, in the order in which things would have happened.
 */
export interface SimHost {
  readonly name: string;
  readonly stretches: readonly Stretch[];
  /** It ends for good at this time, unless it ends sooner. */
  endAt(atMs: number): void;
  endsAt(): number;
  reboot(downMs: number): void;
  isUp(): boolean;
  facts(): { readonly bootId: string; readonly uptimeMs: number };
  /** Every command says which driver speaks; an older one than the last is refused. */
  stage(attempt: HostAttempt, doneMs: number): void;
  prepare(attempt: HostAttempt, plan: HostPlan): void;
  start(attempt: HostAttempt): HostBeat;
  beat(attempt: HostAttempt): HostBeat;
  renew(attempt: HostAttempt, untilUptimeMs: number): HostBeat;
  thaw(attempt: HostAttempt, nonce: string, untilUptimeMs: number): HostBeat;
  proceed(attempt: HostAttempt): HostBeat;
  stop(attempt: HostAttempt, graceMs: number, reason: "stopped" | "time-limit"): void;
  end(attempt: HostAttempt): void;
  product(attempt: HostAttempt): Product | undefined;
  /** The same, without being heard by the supervisor: for checks. */
  peek(attempt: number, rank: number): Product | undefined;
  starts(attempt: number, rank: number): number;
  /** Was the job of this attempt told that it goes on from a checkpoint? Absent: it never started here. */
  wasResumed(attempt: number, rank: number): boolean | undefined;
  /** Lets time pass for all jobs. */
  look(): void;
}

const bytesPerSecond = 100;
const stopMs = 700;

export function createSimHost(options: {
  readonly name: string;
  readonly now: () => number;
  readonly job: JobFacts;
  readonly bootedAt: number;
  /** The supervisor looks so late: a tick may be under way when a tether ends. */
  readonly tickMs: number;
  readonly weakness: HostWeakness;
  /** The machine's own power-off; what that does to the bill is the platform's affair. */
  readonly powerOff: (atMs: number) => void;
  readonly onStart?: (attempt: number, rank: number, resumedMs: number) => void;
}): SimHost {
  const { now, weakness } = options;
  const facts = options.job;
  const stretches: Stretch[] = [];
  const jobs = new Map<string, Job>();
  const epochs = new Map<string, number>();
  const staged = new Map<string, number>();
  let bootedAt = options.bootedAt;
  let boots = 1;
  let endsAt = Number.POSITIVE_INFINITY;
  let nonces = 0;

  function keyOf(attempt: number, rank: number): string {
    return `${attempt}/${rank}`;
  }

  function claim({ attempt, rank, epoch }: HostAttempt): Job | undefined {
    const key = keyOf(attempt, rank);
    const seen = epochs.get(key) ?? 0;
    if (epoch < seen && weakness.ignoresEpoch !== true) {
      throw new PlatformError("forbidden", `${options.name}: a newer driver has taken over.`, {
        scope: "host",
        platformCode: supersededCode,
      });
    }
    epochs.set(key, Math.max(epoch, seen));
    const job = jobs.get(key);
    if (job !== undefined) {
      pass(job);
      job.contactAt = now();
    }
    return job;
  }

  function leftMs(job: Job): number {
    return Math.max(0, facts.workMs - job.resumedMs - job.workedMs);
  }

  /** Lets the time since the last look pass for one job. */
  function pass(job: Job): void {
    while (job.isStarted && job.exit === undefined) {
      const from = job.lookedAt;
      const isHeld = job.plan.holdAfterSetup === true && !job.hasProceeded;
      const worksAt = from + job.setUpLeftMs;
      const isStopping = job.stopAt !== Number.POSITIVE_INFINITY;
      const doneAt = job.isFrozen || isHeld ? Number.POSITIVE_INFINITY : worksAt + leftMs(job);
      const isHeldByTether = !job.isFrozen && !(isStopping && job.plan.tether.kind === "long");
      const tetherAt = isHeldByTether ? job.tetherUntil : Number.POSITIVE_INFINITY;
      const alone = job.contactAt + job.plan.orphanMs;
      const limitAt = isStopping ? Number.POSITIVE_INFINITY : Math.min(job.deadlineAt, alone);
      const next = Math.min(doneAt, tetherAt, limitAt, job.stopAt);
      const until = Math.max(from, Math.min(next, now(), endsAt));
      spend(job, from, until, isHeld);
      job.lookedAt = until;
      if (until >= endsAt || next > until) return;
      if (job.stopAt <= until) finish(job, job.stopReason, until);
      else if (doneAt <= until) finish(job, "exited", until);
      else if (tetherAt <= until) expire(job, until);
      else begin(job, job.deadlineAt <= until ? "time-limit" : "orphaned", job.plan.graceMs, until);
    }
    if (!job.isStarted) job.lookedAt = Math.min(now(), endsAt);
    if (job.exit !== undefined) rest(job);
  }

  function spend(job: Job, from: number, until: number, isHeld: boolean): void {
    if (job.isFrozen) return;
    if (job.stretch !== undefined) job.stretch.to = until;
    const settingUp = Math.min(job.setUpLeftMs, until - from);
    job.setUpLeftMs -= settingUp;
    if (isHeld) return;
    job.workedMs += Math.min(until - from - settingUp, leftMs(job));
    const every = facts.checkpointMs;
    if (every === undefined) return;
    const done = job.resumedMs + job.workedMs;
    job.savedMs = Math.max(job.savedMs, Math.floor(done / every) * every);
  }

  function expire(job: Job, at: number): void {
    if (job.plan.tether.kind === "long") return begin(job, "tether", job.plan.graceMs, at);
    if (weakness.neverFreezes === true) {
      job.tetherUntil = Number.POSITIVE_INFINITY;
      return;
    }
    job.isFrozen = true;
    // Others may run this job from now on: what was about to stop must not take its time over it.
    if (job.stopAt !== Number.POSITIVE_INFINITY) return finish(job, job.stopReason, at);
    delete job.stretch;
    job.nonce = `nonce-${(nonces += 1)}`;
  }

  /** A frozen job runs again, unless that promise has run out on the way or the job is over. */
  function goOn(job: Job, until: number): void {
    if (until <= now() || job.exit !== undefined || job.stopAt !== Number.POSITIVE_INFINITY) return;
    job.isFrozen = false;
    delete job.nonce;
    job.tetherUntil = until;
    job.stretch = { attempt: job.attempt, rank: job.rank, from: now(), to: now() };
    stretches.push(job.stretch);
  }

  function begin(job: Job, reason: HostExit["reason"], graceMs: number, at: number): void {
    if (job.stopAt !== Number.POSITIVE_INFINITY) return;
    job.stopReason = reason;
    // Others may run this job by now: what is frozen must not go on, not even to save.
    if (job.isFrozen) job.stopAt = at;
    else job.stopAt = at + (facts.heedsStop ? Math.min(graceMs, stopMs) : graceMs);
  }

  function finish(job: Job, reason: HostExit["reason"], at: number): void {
    const isFailing = job.attempt <= facts.failsUntil && facts.code !== 0;
    const doneMs = job.resumedMs + job.workedMs;
    if (reason === "exited") job.savedMs = doneMs;
    else if (
      facts.heedsStop &&
      !job.isFrozen &&
      facts.checkpointMs !== undefined &&
      reason !== "rebooted"
    )
      job.savedMs = doneMs;
    const code = reason === "exited" ? (isFailing ? facts.code : 0) : 143;
    job.exit = { code, reason, endedAtMs: epochMs + at };
    delete job.stretch;
  }

  /** The job is over: the machine ends itself where that ends the bill, once no driver has come for so long. */
  function rest(job: Job): void {
    if (job.plan.powerOff === "none" || job.exit === undefined) return;
    const holdMs =
      job.plan.powerOff === "stops" ? Math.min(job.plan.holdMs, 60_000) : job.plan.holdMs;
    const at = Math.max(job.exit.endedAtMs - epochMs, job.contactAt) + holdMs;
    if (now() >= at && at < endsAt) options.powerOff(at);
  }

  function beatOf(job: Job | undefined): HostBeat {
    const at = now();
    const base = {
      uptimeMs: at - bootedAt,
      wallMs: epochMs + at,
      bootId: `${options.name}-boot-${boots}`,
    };
    if (job === undefined) return { ...base, state: "absent", logBytes: 0 };
    const known = { ...base, logBytes: logOf(job) };
    if (job.exit !== undefined) return { ...known, state: "ended", exit: job.exit };
    if (!job.isStarted) return { ...known, state: "ready" };
    const isSetUp = job.setUpLeftMs <= 0;
    if (job.isFrozen) {
      return {
        ...known,
        state: "frozen",
        isSetUp,
        ...(job.nonce === undefined ? {} : { nonce: job.nonce }),
      };
    }
    if (job.stopAt !== Number.POSITIVE_INFINITY) return { ...known, state: "stopping", isSetUp };
    const isHeld = job.plan.holdAfterSetup === true && !job.hasProceeded;
    return { ...known, state: isSetUp && !isHeld ? "running" : "setup", isSetUp };
  }

  function logOf(job: Job): number {
    return Math.floor((job.workedMs * bytesPerSecond) / 1000);
  }

  function productOf(job: Job | undefined): Product | undefined {
    if (job === undefined) return undefined;
    return {
      checkpoint: job.savedMs,
      logBytes: logOf(job),
      doneMs: job.resumedMs + job.workedMs,
    };
  }

  const host: SimHost = {
    name: options.name,
    stretches,
    endAt(atMs) {
      endsAt = Math.min(endsAt, atMs);
    },
    endsAt: () => endsAt,
    reboot(downMs) {
      if (now() >= endsAt) return;
      host.look();
      boots += 1;
      bootedAt = now() + downMs;
      for (const job of jobs.values()) {
        if (job.exit !== undefined) continue;
        if (job.isStarted) finish(job, "rebooted", now());
        else job.exit = { code: 255, reason: "rebooted", endedAtMs: epochMs + now() };
      }
    },
    isUp() {
      const at = now();
      return at >= bootedAt && at < endsAt;
    },
    facts: () => ({ bootId: `${options.name}-boot-${boots}`, uptimeMs: now() - bootedAt }),
    stage(attempt, doneMs) {
      claim(attempt);
      staged.set(keyOf(attempt.attempt, attempt.rank), doneMs);
    },
    prepare(attempt, plan) {
      const old = claim(attempt);
      if (old?.isStarted === true) return;
      const key = keyOf(attempt.attempt, attempt.rank);
      const resumedMs = plan.isResumed ? (staged.get(key) ?? 0) : 0;
      jobs.set(key, {
        rank: attempt.rank,
        attempt: attempt.attempt,
        plan,
        isStarted: false,
        starts: old?.starts ?? 0,
        resumedMs,
        workedMs: 0,
        savedMs: resumedMs,
        setUpLeftMs: plan.holdAfterSetup === true ? 500 : 0,
        hasProceeded: false,
        lookedAt: now(),
        isFrozen: false,
        tetherUntil: Number.POSITIVE_INFINITY,
        deadlineAt: now() + plan.timeLimitMs,
        contactAt: now(),
        stopAt: Number.POSITIVE_INFINITY,
        stopReason: "stopped",
      });
    },
    start(attempt) {
      const job = claim(attempt);
      if (job === undefined)
        throw new PlatformError("contract_violation", `${options.name}: nothing is prepared.`);
      const isAgain = weakness.startsAgain === true && job.starts > 0;
      if ((!job.isStarted && job.exit === undefined) || isAgain) {
        job.isStarted = true;
        job.starts += 1;
        job.lookedAt = now();
        job.tetherUntil = now() + job.plan.tether.lengthMs + options.tickMs;
        job.stretch = { attempt: job.attempt, rank: job.rank, from: now(), to: now() };
        stretches.push(job.stretch);
        options.onStart?.(job.attempt, job.rank, job.resumedMs);
      }
      return beatOf(job);
    },
    beat: (attempt) => beatOf(claim(attempt)),
    renew(attempt, untilUptimeMs) {
      const job = claim(attempt);
      const until = untilUptimeMs + bootedAt + options.tickMs;
      if (job !== undefined && !job.isFrozen) job.tetherUntil = Math.max(job.tetherUntil, until);
      return beatOf(job);
    },
    thaw(attempt, nonce, untilUptimeMs) {
      const job = claim(attempt);
      const until = untilUptimeMs + bootedAt + options.tickMs;
      if (job?.isFrozen === true && job.nonce === nonce) goOn(job, until);
      return beatOf(job);
    },
    proceed(attempt) {
      const job = claim(attempt);
      if (job !== undefined) job.hasProceeded = true;
      return beatOf(job);
    },
    stop(attempt, graceMs, reason) {
      const job = claim(attempt);
      if (job === undefined || job.exit !== undefined) return;
      if (!job.isStarted) job.exit = { code: 130, reason, endedAtMs: epochMs + now() };
      else begin(job, reason, graceMs, now());
      pass(job);
    },
    end(attempt) {
      const job = claim(attempt);
      if (job === undefined || job.exit !== undefined) return;
      if (job.isStarted) finish(job, "stopped", now());
      else job.exit = { code: 130, reason: "stopped", endedAtMs: epochMs + now() };
    },
    product: (attempt) => productOf(claim(attempt)),
    peek: (attempt, rank) => productOf(jobs.get(keyOf(attempt, rank))),
    wasResumed(attempt, rank) {
      const job = jobs.get(keyOf(attempt, rank));
      return job?.isStarted === true ? job.plan.isResumed : undefined;
    },
    starts: (attempt, rank) => jobs.get(keyOf(attempt, rank))?.starts ?? 0,
    look() {
      for (const job of jobs.values()) pass(job);
    },
  };
  return host;
}
