import type { HostSession, LeaseState } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Attempt } from "../core/context.ts";
import { attemptOf, memberOf } from "../core/draft.ts";
import type { Snapshot } from "../core/decide.ts";
import type { EnginePorts } from "./ports.ts";

/** Connections to the members of a run, one each, shared by all effects on it. */
export interface HostPool {
  host(
    attempt: number,
    member: number,
    options: { readonly signal: AbortSignal },
  ): Promise<HostSession>;
  drop(attempt: number, member: number): void;
  close(): Promise<void>;
}

export function createHostPool(options: {
  readonly ports: EnginePorts;
  readonly snapshot: () => Snapshot;
}): HostPool {
  const { ports } = options;
  const sessions = new Map<string, Promise<HostSession>>();

  /** Reads the access data afresh: address and port may have changed since the last time. */
  async function connect(
    attempt: number,
    member: number,
    signal: AbortSignal,
  ): Promise<HostSession> {
    const record = attemptOf(options.snapshot().context, attempt);
    const { leaseId, leaseKey } = memberOf(record, member);
    const target = ports.platform(record.candidate.offer.platform);
    const lease =
      leaseId === undefined ? undefined : await target.platform.getLease(leaseId, { signal });
    const node = lease?.nodes[0];
    const isThere = lease !== undefined && outlivesLease(record, lease.state);
    if (!isThere && (lease?.state === "ended" || lease?.state === "failed")) {
      const why = lease.reason === undefined ? "" : ` (${lease.reason})`;
      throw new PlatformError("lease_failed", `${target.name}: the machine has ended${why}.`, {
        scope: "offer",
      });
    }
    if (lease === undefined || node === undefined || (lease.state !== "up" && !isThere)) {
      const state = lease === undefined ? "unknown to the platform" : lease.state;
      throw new PlatformError("unreachable", `${target.name}: the machine is not up (${state}).`, {
        scope: "host",
      });
    }
    return ports.connect({ platform: target, leaseKey, lease, node }, { signal });
  }

  return {
    host(attempt, member, { signal }) {
      const key = `${attempt}/${member}`;
      const known = sessions.get(key);
      if (known !== undefined) return known;
      const session = connect(attempt, member, signal);
      sessions.set(key, session);
      session.catch(() => {
        if (sessions.get(key) === session) sessions.delete(key);
      });
      return session;
    },
    drop(attempt, member) {
      const key = `${attempt}/${member}`;
      const session = sessions.get(key);
      sessions.delete(key);
      void session?.then((each) => each.close()).catch(() => undefined);
    },
    async close() {
      const open = [...sessions.values()];
      sessions.clear();
      await Promise.allSettled(open.map(async (session) => (await session).close()));
    },
  };
}

/**
 * May the machine be there although its lease says otherwise? One that no API ends runs on after it was given back, and
 * with another boot its reservation is over, not its disk. It is gone to for what comes after the job, to fetch what it
 * made and to leave the machine clean; and where the platform proves no end, to learn what became of the job.
 */
function outlivesLease({ phase, candidate }: Attempt, state: LeaseState): boolean {
  const isAfterJob = phase === "collecting" || phase === "holding" || phase === "releasing";
  switch (candidate.capabilities.release) {
    case "api":
      return false;
    case "owned":
      return isAfterJob && (state === "ended" || state === "stopped");
    case "by-hand":
      if (state === "stopped") return isAfterJob || phase === "running";
      return isAfterJob && state === "releasing";
  }
}
