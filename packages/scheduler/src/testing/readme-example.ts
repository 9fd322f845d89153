import { bundledRates } from "@gpujob/catalog";
import { explainNoOffer, makePlan } from "@gpujob/scheduler";
import type { JobSpec, Offer } from "@gpujob/spec";

/** Says where a job should run and why, or why it can run nowhere. */
export function chooseOffer(job: JobSpec, offers: readonly Offer[]): string | undefined {
  const plan = makePlan({
    job,
    offers,
    missing: [], // platforms that did not answer, with the reason
    capabilitiesByPlatform: {},
    exclusions: [],
    rates: bundledRates,
    currency: "CNY",
  });
  const [first] = plan.candidates;
  return first ? `${first.platform}: ${first.reason}` : explainNoOffer(plan)?.message;
}
