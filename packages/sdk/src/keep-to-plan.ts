import type { Candidate, Submission } from "@gpujob/engine";
import type { NoOffer } from "@gpujob/scheduler";
import { exitCodeOf } from "@gpujob/scheduler";
import type { JobSpec, Money, Plan, PlanCandidate } from "@gpujob/spec";
import { formatHourlyPrice, formatMoney, GpujobError } from "@gpujob/spec";
import { changedKeys } from "./plan-file.ts";
import type { WrittenPlan } from "./plan-file.ts";

/** A price that rose by no more than this share is the same price: rates and rounding move it. */
export const usualTolerance = 0.02;

/** The offer of a plan, as it can be had now. */
export interface KeptPlan {
  /** The planned offer first, the others behind it. */
  readonly candidates: readonly PlanCandidate[];
  readonly planned: NonNullable<Submission["planned"]>;
  readonly warnings: readonly string[];
}

/**
 * Holds what there is now against a plan of before. Throws `usage` where it is another job, `no_offer_matches` where the
 * offer is gone, and `price_changed` where it costs more than the tolerance allows; each says what changed.
 */
export function keepToPlan(
  written: WrittenPlan,
  now: { readonly job: JobSpec; readonly plan: Plan },
  tolerance: number,
): KeptPlan {
  checkJob(written, now.job, now.plan.currency);
  const { platform, offerId } = written.chosen;
  const found = now.plan.candidates.find(
    (each) => each.platform === platform && each.offerId === offerId && each.isStale !== true,
  );
  if (found === undefined) throw goneError(written, now.plan);
  const warnings = checkPrice(written, found, tolerance);
  const reason = `As planned at ${written.madeAt}.`;
  const others = now.plan.candidates.filter((each) => each !== found);
  return {
    candidates: [{ ...found, reason }, ...others].map((each, at) => ({ ...each, rank: at + 1 })),
    planned: { platform, offerId, pricePerHour: addShare(written.chosen.pricePerHour, tolerance) },
    warnings,
  };
}

const again = "Nothing was rented. gpujob plan FILE --out plan.json makes a new plan.";

function checkJob(written: WrittenPlan, job: JobSpec, currency: string): void {
  const changed = changedKeys(job, written);
  if (changed.length > 0) {
    throw new GpujobError(
      "usage",
      `The job is not the one that was planned: ${changed.join(", ")} changed since ${written.madeAt}.`,
      { hint: `Give the same file and flags as for the plan. ${again}` },
    );
  }
  if (currency !== written.currency) {
    throw new GpujobError(
      "usage",
      `The plan counts in ${written.currency}, and the configuration now in ${currency}.`,
      { hint: again },
    );
  }
}

function goneError({ chosen, madeAt }: WrittenPlan, plan: Plan): GpujobError {
  const { platform, offerId } = chosen;
  const rejected = plan.rejected.find(
    (each) => each.platform === platform && each.offerId === offerId,
  );
  const missing = plan.missing.find((each) => each.platform === platform);
  const why = rejected?.reasons.join("; ") ?? missing?.reason ?? "it is not offered any more";
  const [best] = plan.candidates.filter(({ isStale }) => isStale !== true);
  const instead =
    best === undefined
      ? "Nothing else fits now."
      : `The best now: ${best.platform} ${best.offerId} for ${formatHourlyPrice(best.pricePerHour)}, ${formatMoney(best.totalPrice)} in all.`;
  return new GpujobError(
    "no_offer_matches",
    `${platform} ${offerId}, planned at ${madeAt}, cannot be had: ${why}. ${instead}`,
    { hint: again, platform },
  );
}

function checkPrice(
  { chosen, madeAt }: WrittenPlan,
  now: PlanCandidate,
  tolerance: number,
): readonly string[] {
  const changes = [
    tellChange("per hour", chosen.pricePerHour, now.pricePerHour),
    tellChange("in all", chosen.totalPrice, now.totalPrice),
  ].flatMap((change) => change ?? []);
  if (changes.length === 0) return [];
  const told = `${chosen.platform} ${chosen.offerId} costs, since the plan of ${madeAt}: ${changes
    .map(({ text }) => text)
    .join(", ")}`;
  const worst = Math.max(...changes.map(({ share }) => share));
  if (worst <= tolerance) return [`${told}.`];
  const parts = Object.entries(now.breakdown).flatMap(([name, value]: [string, unknown]) => {
    const before = chosen.parts.get(name);
    return before !== undefined && isMoney(value)
      ? (tellChange(name, before, value)?.text ?? [])
      : [];
  });
  const split = parts.length === 0 ? "" : ` (${parts.join(", ")})`;
  throw new GpujobError(
    "price_changed",
    `${told}${split}. That is more than the ${formatShare(tolerance)} that are tolerated.`,
    { hint: `${again} Or give --tolerance.`, platform: chosen.platform },
  );
}

function isMoney(value: unknown): value is Money {
  return typeof value === "object" && value !== null && "micros" in value && "currency" in value;
}

/** `undefined` where nothing changed. */
function tellChange(
  what: string,
  before: Money,
  now: Money,
): { readonly text: string; readonly share: number } | undefined {
  if (before.micros === now.micros) return undefined;
  const share = before.micros === 0 ? Infinity : now.micros / before.micros - 1;
  const sign = share > 0 ? "+" : "";
  const moved = Number.isFinite(share) ? ` (${sign}${formatShare(share)})` : "";
  return { text: `${what} ${formatMoney(before)} → ${formatMoney(now)}${moved}`, share };
}

function formatShare(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}

function addShare({ currency, micros }: Money, share: number): Money {
  return { currency, micros: Math.floor(micros * (1 + share)) };
}

/**
 * The driver's own look, a moment after `keepToPlan`: only the planned offer, at no more than its price. A run that waits
 * for stock waits for it.
 */
export function onlyPlanned(
  planned: NonNullable<Submission["planned"]>,
  candidates: readonly Candidate[],
): { readonly candidates: readonly Candidate[]; readonly explanation?: NoOffer } {
  const { platform, offerId, pricePerHour } = planned;
  const found = candidates.find(
    ({ offer }) => offer.platform === platform && offer.offerId === offerId,
  );
  if (found !== undefined && found.pricePerHour.micros <= pricePerHour.micros) {
    return { candidates: [{ ...found, reason: "As planned." }] };
  }
  const kind = "no_offer_matches";
  const why =
    found === undefined
      ? "cannot be had any more"
      : `costs ${formatHourlyPrice(found.pricePerHour)} now, at most ${formatHourlyPrice(pricePerHour)} was agreed on`;
  const message = `${platform} ${offerId}, the offer of the plan, ${why}.`;
  return {
    candidates: [],
    explanation: { kind, exitCode: exitCodeOf(kind), message, hint: again },
  };
}
