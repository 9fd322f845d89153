import { chooseHedge } from "@gpujob/engine";
import type { Candidate } from "@gpujob/engine";
import type { Config, ExchangeRate, JobSpec } from "@gpujob/spec";
import { formatDuration, formatMoney } from "@gpujob/spec";

/** What the job's own rules will do beside renting the best offer, and what that costs; empty where nothing. */
export function planNotes(
  job: JobSpec,
  candidates: readonly Candidate[],
  terms: { readonly config: Config; readonly rates: readonly ExchangeRate[] },
): readonly string[] {
  const { queueMs, probe } = job;
  return [
    ...sayHedge(job, candidates, terms),
    ...(probe === undefined
      ? []
      : [
          "Probe: each machine is measured for one to two minutes, which it bills, before anything is sent; one that does not do what was sold is given back.",
        ]),
    ...(queueMs === undefined || candidates.length > 0
      ? []
      : [`Queue: waits for at most ${formatDuration(queueMs)}, and nothing is paid until then.`]),
  ];
}

function sayHedge(
  job: JobSpec,
  [first, ...others]: readonly Candidate[],
  { config, rates }: { readonly config: Config; readonly rates: readonly ExchangeRate[] },
): readonly string[] {
  if (job.hedge === undefined || first === undefined) return [];
  const { currency, timeouts } = config;
  const budget = job.limits.budget;
  const left = budget?.currency === currency ? { leftMicros: budget.micros } : {};
  const hedge = chooseHedge({ job, currency, rates, timeouts, ...left }, first, others);
  if (hedge.kind === "none") return [`Hedge: asks only one, because ${hedge.reason}.`];
  const { platform, offerId } = hedge.partner.offer;
  return [
    `Hedge: asks ${platform} ${offerId} at the same time and keeps the first that boots; the other costs at most ${formatMoney(hedge.atMost)} more.`,
  ];
}
