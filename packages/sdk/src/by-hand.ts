import type { RunContext } from "@gpujob/engine";
import type { BillingRule, ByHand, Money } from "@gpujob/spec";
import { formatDuration, formatMoney } from "@gpujob/spec";

/** What is stored with a lease of a machine that only its user can end. */
export interface ByHandTerms {
  readonly perHour: Money;
  readonly billing: BillingRule;
  readonly byHand?: ByHand;
}

/** What its user must know of an open lease; times in epoch milliseconds. */
export interface OpenByHand {
  readonly terms: ByHandTerms;
  /** Since when it bills, where that is known. */
  readonly billedFrom?: number;
}

/** Where a lease is ended. */
export function endAtOf(terms: ByHandTerms, platform: string): string {
  return terms.byHand?.endAt ?? `the console of ${platform}`;
}

/** When the next unit begins and what it costs, and what goes with a stop: sentences, none where nothing threatens. */
export function warningsOf({ terms, billedFrom }: OpenByHand, now: number): readonly string[] {
  const { byHand } = terms;
  if (byHand === undefined) return [];
  const renewal =
    byHand.renews === true && billedFrom !== undefined ? [renewalOf(terms, billedFrom, now)] : [];
  const wipes = (byHand.wipes ?? []).map(({ path, afterStopSeconds }) => {
    const what = path === undefined ? "the machine is deleted" : `${path} is wiped`;
    return afterStopSeconds === 0
      ? `When you stop it, ${what}.`
      : `${formatDuration(afterStopSeconds * 1000)} after you stop it, ${what}.`;
  });
  return [...renewal, ...wipes];
}

const unitNames: ReadonlyMap<number, string> = new Map([
  [60, "minute"],
  [3600, "hour"],
  [86_400, "day"],
]);

/** When the next unit begins, epoch milliseconds. */
function nextUnitAt({ billing }: ByHandTerms, billedFrom: number, now: number): number {
  const unitMs = billing.unitSeconds * 1000;
  return billedFrom + Math.max(0, Math.floor((now - billedFrom) / unitMs) + 1) * unitMs;
}

function renewalOf(terms: ByHandTerms, billedFrom: number, now: number): string {
  const { billing, perHour } = terms;
  const unitMs = billing.unitSeconds * 1000;
  const nextAt = nextUnitAt(terms, billedFrom, now);
  const micros = Math.round((perHour.micros * billing.unitSeconds) / 3600);
  const price = formatMoney({ currency: perHour.currency, micros });
  const left = formatDuration(Math.max(60_000, Math.ceil((nextAt - now) / 60_000) * 60_000));
  return `At ${clockTime(nextAt)}, in ${left}, the next ${unitNames.get(billing.unitSeconds) ?? formatDuration(unitMs)} begins and costs ${price}.`;
}

/** What is lost when, after its user has said that it was stopped; what is lost already is not told any more. */
export function remindersOf(
  lease: { readonly platform: string; readonly leaseId: string; readonly terms: ByHandTerms },
  stoppedAt: number,
  now: number,
): readonly string[] {
  return (lease.terms.byHand?.wipes ?? []).flatMap(({ path, afterStopSeconds }) => {
    const at = stoppedAt + afterStopSeconds * 1000;
    if (at <= now) return [];
    const what = path === undefined ? "the machine is deleted" : `${path} is wiped`;
    const left = formatDuration(Math.ceil((at - now) / 60_000) * 60_000);
    return [`${lease.platform}: ${lease.leaseId}: at ${clockTime(at)}, in ${left}, ${what}.`];
  });
}

/** So long before another unit begins it is told to whoever watches the run, in milliseconds. */
const renewalNoticeMs = 10 * 60_000;

/** Machines of a run that begin another paid unit soon; `key` is another one for each unit. */
export function renewalsSoon(
  context: RunContext,
  now: number,
): readonly { readonly key: string; readonly message: string }[] {
  return openByHand(context).flatMap(({ leaseId, terms, billedFrom }) => {
    if (terms.byHand?.renews !== true || billedFrom === undefined) return [];
    const nextAt = nextUnitAt(terms, billedFrom, now);
    if (nextAt - now > renewalNoticeMs) return [];
    const message = `${leaseId}: ${renewalOf(terms, billedFrom, now)}`;
    return [{ key: `${leaseId}@${nextAt}`, message }];
  });
}

/** What the user of a run must do about its machines: one sentence or two for each that only they can end. */
export function notesOfRun(context: RunContext, now: number): readonly string[] {
  return openByHand(context).flatMap((open) => {
    const { leaseId, terms, platform } = open;
    return [
      `${leaseId} bills until you end it at ${endAtOf(terms, platform)}; then gpujob audit --ended ${leaseId}.`,
      ...warningsOf(open, now),
    ];
  });
}

/** Machines of a run that its user must end. */
function openByHand(
  context: RunContext,
): readonly (OpenByHand & { readonly leaseId: string; readonly platform: string })[] {
  return context.attempts.flatMap(({ candidate: { offer, capabilities }, members }) => {
    if (capabilities.release !== "by-hand") return [];
    return members.flatMap(({ state, leaseId, billedFrom, pricePerHour }) => {
      if (leaseId === undefined || (state !== "held" && state !== "releasing")) return [];
      const terms = {
        ...offer.price,
        perHour: pricePerHour ?? offer.price.perHour,
        ...(offer.byHand === undefined ? {} : { byHand: offer.byHand }),
      };
      const open = { leaseId, platform: offer.platform, terms };
      return [billedFrom === undefined ? open : { ...open, billedFrom }];
    });
  });
}

function clockTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
