import type { FailureKind, Plan, PlanMissing, PlanRejection } from "@gpujob/spec";
import { exitCodeOf } from "./exit-codes.ts";
import { countOf, joinOr } from "./text.ts";

/** Why no offer fits, and what to change. */
export interface NoOffer {
  readonly kind: "no_offer_matches" | "needs_credentials";
  /** 114, or 116 when every platform that could still fit was kept away by its account. */
  readonly exitCode: number;
  readonly message: string;
  readonly hint: string;
}

/** Failures that only the account's owner can mend. */
const accountKinds: ReadonlySet<FailureKind> = new Set([
  "unauthorized",
  "forbidden",
  "not_verified",
  "quota_exceeded",
  "insufficient_funds",
  "needs_credentials",
]);

const nearestShown = 3;

/** Why a plan has no candidates; `undefined` when it has some. */
export function explainNoOffer(
  plan: Pick<Plan, "candidates" | "rejected" | "missing">,
): NoOffer | undefined {
  if (plan.candidates.length > 0) return undefined;
  const byAccount = plan.missing.filter(({ failure }) => failure && accountKinds.has(failure.kind));
  const isAccount = byAccount.length > 0 && byAccount.length === plan.missing.length;
  const kind = isAccount ? "needs_credentials" : "no_offer_matches";
  const message = [
    `No offer fits (${countOf(countRejected(plan.rejected), "offer")} looked at).`,
    ...explainNearest(plan.rejected),
    ...plan.missing.map(({ platform, reason }) => `No offers from ${platform}: ${reason}`),
  ].join(" ");
  return { kind, exitCode: exitCodeOf(kind), message, hint: suggest(plan, isAccount) };
}

function countRejected(rejected: readonly PlanRejection[]): number {
  return rejected.reduce((sum, { count = 1 }) => sum + count, 0);
}

/** Offers that fail alike at one platform are one miss: a region may have six zones. */
function explainNearest(rejected: readonly PlanRejection[]): readonly string[] {
  const fewest = new Map<string, PlanRejection>();
  for (const one of rejected.toSorted((a, b) => a.reasons.length - b.reasons.length)) {
    const key = `${one.platform} ${one.reasons.join("; ")}`;
    if (!fewest.has(key)) fewest.set(key, one);
    if (fewest.size === nearestShown) break;
  }
  const nearest = [...fewest.values()].map(
    ({ platform, offerId, reasons }) => `${platform} ${offerId} (${reasons.join("; ")})`,
  );
  return nearest.length === 0 ? [] : [`Nearest: ${nearest.join(", ")}.`];
}

function suggest(plan: Pick<Plan, "rejected" | "missing">, isAccount: boolean): string {
  const relax = findRelaxations(plan.rejected);
  const mend = adviseMissing(plan.missing);
  if (relax.length > 0) return [...(isAccount ? mend : []), ...relax].join(" ");
  if (mend.length > 0 && (isAccount || plan.rejected.length === 0)) return mend.join(" ");
  if (plan.rejected.length === 0) {
    return "No platform has offers: see `gpujob platforms` and `gpujob doctor`.";
  }
  return "No single change would do: see `gpujob plan` for every reason, or wait with `queue: 6h`.";
}

/** What the failures themselves advise, else where to look. */
function adviseMissing(missing: readonly PlanMissing[]): readonly string[] {
  const hints = new Set(missing.flatMap(({ failure }) => failure?.hint ?? []));
  if (hints.size > 0) return [...hints].slice(0, nearestShown);
  const platforms = joinOr([...new Set(missing.map(({ platform }) => platform))]);
  return missing.length === 0 ? [] : [`See \`gpujob doctor\` for ${platforms}.`];
}

/** Which one key, relaxed, would let offers in that fail for nothing else; the most fruitful first. */
function findRelaxations(rejected: readonly PlanRejection[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { keys = [], count = 1 } of rejected) {
    const [key] = new Set(keys);
    if (key === undefined || keys.some((other) => other !== key)) continue;
    counts.set(key, (counts.get(key) ?? 0) + count);
  }
  return [...counts]
    .toSorted(([keyA, a], [keyB, b]) => b - a || (keyA < keyB ? -1 : 1))
    .slice(0, nearestShown)
    .map(([key, count]) =>
      key === "offer"
        ? `${countOf(count, "offer")} would fit but cannot be had now: wait with \`queue: 6h\`.`
        : `Relaxing \`${key}\` would let in ${countOf(count, "offer")}.`,
    );
}
