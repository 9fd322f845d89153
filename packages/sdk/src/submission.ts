import { createHash } from "node:crypto";
import { bundledRates, convertMoney } from "@gpujob/catalog";
import type { Candidate, Submission } from "@gpujob/engine";
import { billCompute } from "@gpujob/scheduler";
import type { Config, ExchangeRate, JobSpec, Money, PlatformConfig } from "@gpujob/spec";
import { formatMoney, GpujobError } from "@gpujob/spec";
import type { Store } from "@gpujob/store";
import type { Surroundings } from "./surroundings.ts";

const defaultOrphanInCiMs = 600_000;

/** Rates for this moment: the user's own over those that come with gpujob. */
export function ratesOf(config: Config, now: number): readonly ExchangeRate[] {
  const own = Object.entries(config.exchange).map(([currency, cnyPerUnit]) => ({
    currency,
    cnyPerUnit,
    observedAt: new Date(now).toISOString(),
    source: "your configuration",
  }));
  return [...own, ...bundledRates.filter((rate) => config.exchange[rate.currency] === undefined)];
}

/** Eight characters that mark this installation's machines: from a configured name, else made once per home. */
export async function installationOf(
  config: Config,
  store: Store,
  around: Surroundings,
): Promise<string> {
  const named = config.installation ?? around.environment["GPUJOB_INSTALLATION"];
  if (named !== undefined && named !== "") {
    return BigInt(`0x${createHash("sha256").update(named).digest("hex").slice(0, 16)}`)
      .toString(36)
      .padStart(8, "0")
      .slice(0, 8);
  }
  return store.ensureValue("installation", around.newId().slice(0, 8));
}

/** Everything that a run keeps from the moment of its submit. */
export function makeSubmission(options: {
  readonly job: JobSpec;
  readonly config: Config;
  readonly around: Surroundings;
  readonly installation: string;
  readonly isDetached: boolean;
  readonly uploadBytes: number;
  readonly outputFolder: string;
  readonly quoted?: Submission["quoted"];
  readonly resumeFrom?: Submission["resumeFrom"];
  readonly on?: Submission["on"];
  readonly platforms?: readonly PlatformConfig[];
  readonly planned?: Submission["planned"];
  readonly runId: string;
}): Submission {
  const { config, around, quoted, resumeFrom, on, platforms, planned } = options;
  const now = around.clock.now();
  const isCi = (around.environment["CI"] ?? "") !== "";
  return {
    runId: options.runId,
    installation: options.installation,
    job: options.job,
    submittedAt: now,
    currency: config.currency,
    rates: ratesOf(config, now),
    timeouts:
      isCi && config.timeouts.orphanMs === undefined
        ? { ...config.timeouts, orphanMs: defaultOrphanInCiMs }
        : config.timeouts,
    tether: config.tether,
    isDetached: options.isDetached,
    uploadBytes: options.uploadBytes,
    outputFolder: options.outputFolder,
    ...(quoted === undefined ? {} : { quoted }),
    ...(resumeFrom === undefined ? {} : { resumeFrom }),
    ...(on === undefined ? {} : { on }),
    ...(platforms === undefined ? {} : { platforms }),
    ...(planned === undefined ? {} : { planned }),
  };
}

export function newRunId(around: Surroundings): string {
  return `r-${around.newId().slice(0, 6)}`;
}

/** A machine that lives shorter than this, beside its boot, is of no use to anybody. */
const leastUseSeconds = 60;

/**
 * Refuses a run whose budget could not even carry its first minutes on the best offer; answers a warning where it is
 * below the expected price. Throws `budget_reached`.
 */
export function checkBudget(
  submission: Pick<Submission, "job" | "rates">,
  best: Candidate,
): string | undefined {
  const { budget } = submission.job.limits;
  if (budget === undefined) return undefined;
  const { price, bootSeconds } = best.offer;
  const seconds = leastUseSeconds + (bootSeconds ?? 0);
  const once = billCompute(price, seconds);
  const toBudget = (money: Money): number =>
    convertMoney(money, budget.currency, submission.rates).micros;
  const least = toBudget(once) * submission.job.resources.nodes;
  if (least > budget.micros) {
    const shown = formatMoney({ currency: budget.currency, micros: least });
    throw new GpujobError(
      "budget_reached",
      `The budget of ${formatMoney(budget)} is too small: the shortest use of the best offer costs ${shown}.`,
      { hint: "Raise limits.budget, or ask for a cheaper machine." },
    );
  }
  if (toBudget(best.totalPrice) <= budget.micros) return undefined;
  return `The expected price of ${formatMoney(best.totalPrice)} is above the budget of ${formatMoney(budget)}: the job is stopped, saved and released when that is reached.`;
}
