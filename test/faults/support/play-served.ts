import { readCalls } from "@gpujob/adapter-mock";
import type { MarketCall } from "@gpujob/adapter-mock";
import type { MockMachine } from "@gpujob/sdk";
import type { RunView } from "@gpujob/spec";
import { onTestFinished } from "vitest";
import { findStrangers, readRunFacts } from "./run-facts.ts";
import { witnessedJob } from "./scenarios.ts";
import type { ServedHome } from "./served-home.ts";
import { makeServedHome } from "./served-home.ts";

/** How a run on a served market went. */
export interface PlayedRun {
  readonly home: ServedHome;
  readonly code: number | null;
  /** The offer of each attempt. */
  readonly offers: readonly string[];
  /** Leaks, double runs, a ledger that is not the meter's; none may be. */
  readonly violations: readonly string[];
  readonly run: RunView;
  readonly machines: readonly MockMachine[];
  /** What the server was asked for. */
  readonly calls: readonly MarketCall[];
}

/** A job that ends with 3 and needs one card. */
export function cardJob(script: string, more = ""): string {
  return witnessedJob("strange", `${script}\nexit 3`, `resources: { gpu: RTX4090 }\n${more}`);
}

/** Serves a market for one test. */
export async function serveFor(
  options: Omit<Parameters<typeof makeServedHome>[0], "jobs"> & { readonly job?: string },
): Promise<ServedHome> {
  const { job = cardJob("true"), ...rest } = options;
  const home = await makeServedHome({ ...rest, jobs: { "job.yaml": job } });
  onTestFinished(() => home.remove());
  return home;
}

/** Runs one job to its end on a market with these faults. */
export async function playServed(
  options: Parameters<typeof serveFor>[0],
  words: readonly string[] = [],
): Promise<PlayedRun> {
  const home = await serveFor(options);
  const { code } = await home.run(["submit", "job.yaml", "-y", ...words]);
  return readPlayed(home, code);
}

/** Reads how the newest run of a home went, from its own records, the market's and the job's. */
export async function readPlayed(home: ServedHome, code: number | null): Promise<PlayedRun> {
  const { run, machines } = await home.look(async (gpujob) => ({
    run: await gpujob.showRun(undefined),
    machines: (await gpujob.mockMeter()).machines,
  }));
  const { violations } = await readRunFacts(home, run.id);
  const leases = run.attempts.flatMap((attempt) => attempt.leases);
  const known = new Set(leases.flatMap(({ leaseId }) => leaseId ?? []));
  return {
    home,
    code,
    run,
    machines,
    offers: run.attempts.map(({ offerId }) => offerId),
    violations: [...violations, ...findStrangers(machines, known)],
    calls: readCalls(home.market),
  };
}
