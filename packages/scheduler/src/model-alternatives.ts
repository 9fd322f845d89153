import type { GpuRequest, JobSpec, ModelAlternative, ModelUse } from "@gpujob/spec";
import { compareIds } from "./compare.ts";
import { findOffers } from "./find-offers.ts";
import { compileModelFit } from "./model-fit.ts";
import type { OfferIndex } from "./offer-index.ts";
import { withAccount } from "./own-account.ts";
import { priceOffer, type OfferQuote, type PriceContext } from "./price.ts";
import type { PricedOffer } from "./priced-offer.ts";
import type { Exclusion } from "./exclusions.ts";
import type { MatchContext } from "./match.ts";

/** A job changed in one place. */
interface Variant extends Pick<ModelAlternative, "kind" | "change"> {
  readonly job: JobSpec;
}

interface Market extends MatchContext, PriceContext {
  readonly job: JobSpec;
  readonly index: OfferIndex;
  readonly exclusions: readonly Exclusion[];
}

/**
 * Other ways to use a job's model for which there is an offer cheaper than any that fits it now; where none fits, any
 * way that would. Cheapest first, one of each change.
 */
export function findAlternatives(
  market: Market,
  fitting: readonly PricedOffer[],
): readonly ModelAlternative[] {
  // What fits already is no cheaper for a job that is changed.
  const seen = new Set(fitting.map(({ told }) => told));
  const first = fitting[0]?.quote.totalPrice;
  const least = Math.min(...fitting.map(({ quote }) => quote.totalPrice.micros));
  return variantsOf(market.job)
    .flatMap((variant) => {
      const found = cheapest(variant, market, seen);
      if (found === undefined || found.totalPrice.micros >= least) return [];
      const { currency, micros } = found.totalPrice;
      const saves =
        first === undefined ? {} : { saves: { currency, micros: first.micros - micros } };
      return [{ ...found, ...saves }];
    })
    .toSorted((a, b) => a.totalPrice.micros - b.totalPrice.micros);
}

function cheapest(
  { kind, change, job }: Variant,
  market: Market,
  seen: ReadonlySet<object>,
): Omit<ModelAlternative, "saves"> | undefined {
  let best: { readonly offer: PricedOffer["offer"]; readonly quote: OfferQuote } | undefined;
  for (const { offer } of findOffers({ ...market, job })) {
    if (seen.has(offer)) continue;
    const quote = priceOffer(job, withAccount(offer, market.accounts), market);
    const more =
      best === undefined
        ? -1
        : quote.totalPrice.micros - best.quote.totalPrice.micros || compareIds(offer, best.offer);
    if (more < 0) best = { offer, quote };
  }
  const cards = best?.offer.gpu?.count;
  const needGib = cards === undefined ? undefined : compileModelFit(job)?.(cards);
  if (best === undefined || cards === undefined || needGib === undefined) return undefined;
  const { platform, offerId } = best.offer;
  const { totalPrice } = best.quote;
  return { kind, change, cards, needGib, platform, offerId, totalPrice };
}

function variantsOf(job: JobSpec): readonly Variant[] {
  const { model } = job;
  if (model === undefined) return [];
  const uses = [...narrower(model), ...smallerBatch(model)];
  return [
    ...uses.map(({ kind, change, use }) => ({ kind, change, job: { ...job, model: use } })),
    ...moreCards(job),
  ];
}

interface OtherUse extends Pick<ModelAlternative, "kind" | "change"> {
  readonly use: ModelUse;
}

/** Fewer bits of what is held, or fewer parameters that are trained. */
function narrower(model: ModelUse): readonly OtherUse[] {
  const kind = "quantise";
  if (model.task === "inference") {
    const isWide = ["fp32", "bf16", "fp16"].includes(model.precision);
    const steps = isWide ? (["int8", "int4"] as const) : (["int4"] as const);
    return steps
      .filter((precision) => precision !== model.precision)
      .map((precision) => ({
        kind,
        change: `model.precision: ${precision}`,
        use: { ...model, precision },
      }));
  }
  const qlora: OtherUse = {
    kind,
    change: "model.task: qlora",
    use: { ...model, task: "qlora", precision: "int4" },
  };
  const optimizer: OtherUse = {
    kind,
    change: "model.optimizer: adamw-8bit",
    use: { ...model, optimizer: "adamw-8bit" },
  };
  return [
    ...(model.task === "qlora" ? [] : [qlora]),
    ...(model.task === "full"
      ? [{ kind, change: "model.task: lora", use: { ...model, task: "lora" } } as const]
      : []),
    ...(model.optimizer === "adamw" ? [optimizer] : []),
  ];
}

function smallerBatch(model: ModelUse): readonly OtherUse[] {
  if (model.batch === 1) return [];
  const batch = Math.floor(model.batch / 2);
  return [{ kind: "smaller-batch", change: `model.batch: ${batch}`, use: { ...model, batch } }];
}

/** Where the job leaves the number of cards open, all numbers are looked at anyway. */
function moreCards(job: JobSpec): readonly Variant[] {
  const { gpus } = job.resources;
  const most = Math.max(0, ...gpus.map(({ count }) => count.max ?? Infinity));
  return [2, 4, 8]
    .filter((cards) => gpus.length > 0 && cards > most)
    .map((cards) => ({
      kind: "more-cards",
      change: `${cards} cards in resources.gpu`,
      job: {
        ...job,
        resources: { ...job.resources, gpus: gpus.map((one) => withCards(one, cards)) },
      },
    }));
}

function withCards(request: GpuRequest, cards: number): GpuRequest {
  return { ...request, count: { min: cards, max: cards } };
}
