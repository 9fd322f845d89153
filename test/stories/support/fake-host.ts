import type {
  Clock,
  HostAttempt,
  HostBeat,
  HostExit,
  HostPlan,
  HostProbe,
  HostSession,
} from "@gpujob/spec";
import { PlatformError, supersededCode } from "@gpujob/spec";

/** What a job does on a fake host, as data. */
export interface JobScript {
  /** Milliseconds of work until it ends by itself. */
  readonly workMs: number;
  readonly exitCode: number;
  /** The same for one attempt; absent: `exitCode`. */
  readonly exitCodeOf?: (attempt: number) => number;
  /** Does it go on until it is killed when it is asked to stop? */
  readonly isDeaf?: boolean;
  /** What a probe of it finds, by the number of the machine, from 1; absent: it cannot be measured. */
  readonly probeOf?: (machine: number) => HostProbe;
  /** What the card's driver logged while the job ran. */
  readonly xid?: number;
}

/** Work done so far, where a checkpoint could tell. */
export interface Progress {
  readonly doneMs: number;
}

interface Job {
  readonly plan: HostPlan;
  readonly attempt: number;
  epoch: number;
  startedAt?: number;
  /** Work that was done before, by the checkpoint that was put in place. */
  resumedMs: number;
  ranMs: number;
  lookedAt: number;
  frozen: boolean;
  tetherUntilUptime: number;
  nonce?: string;
  stopAt?: number;
  exit?: HostExit;
  starts: number;
}

/** One simulated machine: it lives on whether or not anybody is connected. */
export interface FakeHost {
  readonly connect: () => HostSession;
  /** Cut or mend the way to it; the machine itself goes on. */
  setReachable(isReachable: boolean): void;
  /** The machine and all on it are gone. */
  destroy(): void;
  reboot(): void;
  /** From now on a clone answers in its place, with a boot id and machine id of its own; the job goes on. */
  becomeOther(): void;
  /** How often a job was started here. */
  starts(): number;
  /** What the jobs here were given, one after the other. */
  plans(): readonly HostPlan[];
  /** Is a job running and not frozen at this moment? */
  isRunning(): boolean;
  progress(): Progress;
}

const keyOf = ({ runId, attempt, rank }: HostAttempt): string => `${runId}/${attempt}/${rank}`;

/** A host in memory on a simulated clock, with one job per attempt, tether and stop, for stories about the engine. */
export function createFakeHost(options: {
  readonly clock: Clock;
  readonly script: JobScript;
  readonly checkpointOf: (attempt: HostAttempt) => Progress | undefined;
  /** Machines are counted from 1. */
  readonly number: number;
}): FakeHost {
  const { clock, script } = options;
  const bootedAt = clock.monotonic();
  let bootId = "boot-1";
  let machineId = `machine-${options.number}`;
  let isReachable = true;
  let isDestroyed = false;
  const jobs = new Map<string, Job>();

  const uptime = (): number => clock.monotonic() - bootedAt;

  /** Lets time pass for a job, as a supervisor would have seen it. */
  function run(job: Job): void {
    const now = uptime();
    if (job.startedAt === undefined || job.exit !== undefined) {
      job.lookedAt = now;
      return;
    }
    const isShort = job.plan.tether.kind === "short";
    const until = isShort ? Math.min(now, Math.max(job.lookedAt, job.tetherUntilUptime)) : now;
    if (!job.frozen) {
      const left = Math.max(0, script.workMs - job.resumedMs - job.ranMs);
      const stopAt = job.stopAt ?? Number.POSITIVE_INFINITY;
      const spent =
        Math.min(until, job.lookedAt + left, Math.max(job.lookedAt, stopAt)) - job.lookedAt;
      job.ranMs += Math.max(0, spent);
      const endedAt = job.lookedAt + spent;
      if (spent >= left && endedAt <= stopAt)
        job.exit = exitOf(script.exitCodeOf?.(job.attempt) ?? script.exitCode, "exited");
      else if (until >= stopAt) job.exit = exitOf(143, "stopped");
      else if (isShort && now >= job.tetherUntilUptime) {
        job.frozen = true;
        job.nonce = `nonce-${Math.round(now)}`;
      }
    }
    job.lookedAt = now;
  }

  function exitOf(code: number, reason: HostExit["reason"]): HostExit {
    const { xid } = script;
    return { code, reason, endedAtMs: clock.now(), ...(xid === undefined ? {} : { xid }) };
  }

  function beatOf(job: Job | undefined): HostBeat {
    const base = { uptimeMs: uptime(), wallMs: clock.now(), bootId, logBytes: 0 };
    if (job === undefined) return { ...base, state: "absent" };
    run(job);
    if (job.exit !== undefined) return { ...base, state: "ended", exit: job.exit };
    if (job.startedAt === undefined) return { ...base, state: "ready" };
    if (!job.frozen) return { ...base, state: "running" };
    return { ...base, state: "frozen", ...(job.nonce === undefined ? {} : { nonce: job.nonce }) };
  }

  function check(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (!isReachable || isDestroyed)
      throw new PlatformError("unreachable", "fake host: no answer", { scope: "host" });
  }

  function jobOf(attempt: HostAttempt): Job | undefined {
    const job = jobs.get(keyOf(attempt));
    if (job === undefined) return undefined;
    if (attempt.epoch < job.epoch)
      throw new PlatformError("forbidden", "fake host: a newer driver has taken over", {
        scope: "host",
        platformCode: supersededCode,
      });
    job.epoch = attempt.epoch;
    return job;
  }

  function session(): HostSession {
    const { probeOf } = script;
    return {
      ...(probeOf === undefined
        ? {}
        : {
            async probe({ signal, seconds }) {
              check(signal);
              await clock.sleep(seconds * 1000, { signal });
              check(signal);
              return probeOf(options.number);
            },
          }),
      async readFacts({ signal }) {
        check(signal);
        return {
          bootId,
          machineId,
          uptimeMs: uptime(),
          user: "me",
          home: "/home/me",
          root: "/home/me/.gpujob",
          os: "Linux",
          architecture: "x86_64",
          cpuCount: 8,
          memoryGib: 64,
          diskFreeGib: 500,
          gpus: [],
          tools: [],
        };
      },
      async upload(_attempt, files, { signal }) {
        check(signal);
        const { length } = await files;
        return { sentBytes: 0, sentFiles: length, totalBytes: 0, totalFiles: length };
      },
      async prepare(attempt, plan, { signal }) {
        check(signal);
        const job = jobOf(attempt);
        if (job?.startedAt !== undefined) return;
        const resumedMs = plan.isResumed ? (options.checkpointOf(attempt)?.doneMs ?? 0) : 0;
        jobs.set(keyOf(attempt), {
          plan,
          attempt: attempt.attempt,
          epoch: attempt.epoch,
          resumedMs,
          ranMs: 0,
          lookedAt: uptime(),
          frozen: false,
          tetherUntilUptime: uptime() + plan.tether.lengthMs,
          starts: job?.starts ?? 0,
        });
      },
      async start(attempt, { signal }) {
        check(signal);
        const job = jobOf(attempt);
        if (job === undefined)
          throw new PlatformError("contract_violation", "fake host: not prepared");
        if (job.startedAt === undefined) {
          job.startedAt = uptime();
          job.lookedAt = uptime();
          job.tetherUntilUptime = uptime() + job.plan.tether.lengthMs;
          job.starts += 1;
        }
        return beatOf(job);
      },
      async readBeat(attempt, { signal }) {
        check(signal);
        return beatOf(jobOf(attempt));
      },
      async watch(attempt, { onBeat }, { signal }) {
        for (;;) {
          check(signal);
          const beat = beatOf(jobOf(attempt));
          onBeat(beat);
          if (beat.state === "ended") return beat;
          await clock.sleep(1000, { signal });
        }
      },
      async renew(attempt, validUntilUptimeMs, { signal }) {
        check(signal);
        const job = jobOf(attempt);
        if (job !== undefined) {
          run(job);
          if (!job.frozen)
            job.tetherUntilUptime = Math.max(job.tetherUntilUptime, validUntilUptimeMs);
        }
        return beatOf(job);
      },
      async thaw(attempt, { nonce, validUntilUptimeMs }, { signal }) {
        check(signal);
        const job = jobOf(attempt);
        if (job !== undefined && job.nonce === nonce) {
          run(job);
          job.frozen = false;
          delete job.nonce;
          job.tetherUntilUptime = validUntilUptimeMs;
        }
        return beatOf(job);
      },
      async freeze(attempt, { signal }) {
        check(signal);
        return beatOf(jobOf(attempt));
      },
      async signal(_attempt, _name, { signal }) {
        check(signal);
      },
      async stop(attempt, { graceMs }, { signal }) {
        check(signal);
        const job = jobOf(attempt);
        // The fake job saves and leaves a second after it is asked, or at the end of its grace if that is shorter.
        const leavesAfterMs = script.isDeaf === true ? graceMs : Math.min(graceMs, 1000);
        if (job !== undefined) job.stopAt ??= uptime() + leavesAfterMs;
      },
      async setLimits(_attempt, _limits, { signal }) {
        check(signal);
      },
      async list(_attempt, _selection, { signal }) {
        check(signal);
        return { files: [], skipped: [] };
      },
      async *read(_attempt, _file, { signal }) {
        check(signal);
        yield new Uint8Array();
      },
      async end(attempt, { signal }) {
        check(signal);
        const job = jobOf(attempt);
        if (job === undefined) return;
        run(job);
        job.exit ??= exitOf(137, "stopped");
      },
      exec() {
        throw new PlatformError("unsupported_request", "fake host: no exec");
      },
      async close() {},
    };
  }

  const live = (): Job[] =>
    [...jobs.values()].filter((job) => job.startedAt !== undefined && job.exit === undefined);

  return {
    connect: session,
    setReachable(value) {
      isReachable = value;
    },
    destroy() {
      isDestroyed = true;
      jobs.clear();
    },
    becomeOther() {
      bootId = "boot-3";
      machineId = "another-machine";
    },
    reboot() {
      bootId = "boot-2";
      for (const job of jobs.values()) job.exit ??= exitOf(1, "rebooted");
    },
    plans: () => [...jobs.values()].map(({ plan }) => plan),
    starts: () => [...jobs.values()].reduce((sum, job) => sum + job.starts, 0),
    isRunning() {
      if (isDestroyed) return false;
      for (const job of live()) run(job);
      return live().some((job) => !job.frozen);
    },
    progress() {
      for (const job of jobs.values()) run(job);
      const done = [...jobs.values()].map((job) => job.resumedMs + job.ranMs);
      return { doneMs: Math.max(0, ...done) };
    },
  };
}
