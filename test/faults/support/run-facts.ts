import type { LedgerLine } from "@gpujob/spec";
import type { MockMachine } from "@gpujob/sdk";
import type { FaultHome } from "./fault-home.ts";

/** How one run ended, as its user, its market and its job saw it. */
export interface RunFacts {
  /** What must be the same whatever was killed on the way. */
  readonly end: {
    readonly state: string;
    readonly exitCode: number | null;
    readonly reason: string | null;
    readonly billing: string;
    readonly outputs: readonly string[];
    readonly log: string;
  };
  /** What must never be, in words. */
  readonly violations: readonly string[];
  /** For each machine: how many seconds our ledger is off the market's meter. */
  readonly ledgerOffBy: readonly number[];
}

/** Reads all there is to know about a run of a home, and checks it: leak, double run, lost output, ledger. */
export async function readRunFacts(home: FaultHome, runId: string): Promise<RunFacts> {
  const seen = await home.look(async (gpujob) => {
    const run = await gpujob.showRun(runId);
    const chunks: Uint8Array[] = [];
    const { signal } = new AbortController();
    for await (const chunk of gpujob.readLogs(runId, { signal })) chunks.push(chunk.bytes);
    const log = Buffer.concat(chunks).toString("utf8");
    return { run, log, cost: await gpujob.cost({ run: runId }), meter: await gpujob.mockMeter() };
  });
  const { run, log, cost, meter } = seen;
  const leases = run.attempts.flatMap((attempt) => attempt.leases);
  const made = leases.flatMap(({ leaseId }) => leaseId ?? []);
  const machines = meter.machines.filter(({ leaseId }) => made.includes(leaseId));
  const starts = await home.readTruth(`starts-${run.name}`);
  const violations = [
    ...checkMachines(machines, made.length),
    ...checkLedger(machines, cost.lines),
    ...checkStarts(starts),
    ...(await home.readTruth(`doubles-${run.name}`)).map(
      (attempt) => `attempt ${attempt} ran beside another`,
    ),
  ];
  const { state, exitCode, reason, billing, outputs } = run;
  return {
    end: { state, exitCode, reason, billing, outputs: outputs.toSorted(), log },
    violations,
    ledgerOffBy: machines.map((machine) =>
      Math.abs(secondsIn(cost.lines, machine) - machine.billedSeconds),
    ),
  };
}

function secondsIn(lines: readonly LedgerLine[], { leaseId }: MockMachine): number {
  const own = lines.filter((line) => line.leaseId === leaseId && line.kind === "compute");
  return own.reduce((sum, line) => sum + line.billedSeconds, 0);
}

/** Machines that no run of the home knows are leaks too: `known` are the lease ids of all its runs. */
export function findStrangers(
  machines: readonly MockMachine[],
  known: ReadonlySet<string>,
): readonly string[] {
  return machines.flatMap(({ leaseId }) =>
    known.has(leaseId) ? [] : [`${leaseId} belongs to no run`],
  );
}

function checkMachines(machines: readonly MockMachine[], made: number): readonly string[] {
  const open = machines.filter(({ endedAt }) => endedAt === null);
  const missing = machines.length === made ? [] : [`${made} leases, ${machines.length} machines`];
  return [...open.map(({ leaseId }) => `${leaseId} still bills`), ...missing];
}

/** The market's own meter against our ledger: within one second for each machine. */
function checkLedger(
  machines: readonly MockMachine[],
  lines: readonly LedgerLine[],
): readonly string[] {
  return machines.flatMap((machine) => {
    const { leaseId, billedSeconds } = machine;
    const own = lines.filter((line) => line.leaseId === leaseId && line.kind === "compute");
    const seconds = secondsIn(lines, machine);
    return Math.abs(seconds - billedSeconds) <= 1 && own.length === 1
      ? []
      : [`${leaseId}: metered ${billedSeconds} s, ledger ${seconds} s in ${own.length} lines`];
  });
}

function checkStarts(starts: readonly string[]): readonly string[] {
  const again = starts.filter((attempt, index) => starts.indexOf(attempt) !== index);
  return [
    ...(starts.length === 0 ? ["the job never started"] : []),
    ...again.map((attempt) => `attempt ${attempt} was started again`),
  ];
}
