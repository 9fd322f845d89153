import { convertMoney, scaleMoney } from "@gpujob/catalog";
import type {
  Currency,
  DataMove,
  ExchangeRate,
  JobSpec,
  Money,
  Offer,
  PriceBreakdown,
} from "@gpujob/spec";
import { computeTerms, extraDiskGib } from "./bill.ts";
import { billSeconds } from "./billing.ts";
import { expectedRoundingSeconds } from "./expected-rounding.ts";
import { type ExpectedTimes, expectTimes, homeBytes, type TimeContext } from "./expected-times.ts";
import { type DataContext, type DataPlan, planMoves } from "./data-moves.ts";
import { hourlyPrice } from "./hourly-price.ts";

/** What pricing needs beside the job and the offer. */
export interface PriceContext extends Omit<TimeContext, "dataSeconds">, DataContext {
  readonly rates: readonly ExchangeRate[];
  /** Currency of the answer. */
  readonly currency: Currency;
}

/** What a job is expected to cost on an offer, all nodes together, in the context's currency. */
export interface OfferQuote {
  /** After the platform's discount. */
  readonly pricePerHour: Money;
  /** The platform's bill: exactly the sum of the breakdown's known parts. */
  readonly totalPrice: Money;
  readonly breakdown: PriceBreakdown;
  /** The part of the bill that prepaid hours can pay. */
  readonly compute: Money;
  /** Hours of use of one machine that are billed. */
  readonly billedHours: number;
  /** From asking for a machine until its bill ends. */
  readonly seconds: number;
  /** The data that has to be brought there. */
  readonly moves: readonly DataMove[];
}

const gib = 2 ** 30;

/**
 * The total price of a job on an offer: expected time, boot, image pull, upload, download, `keep` and expected re-runs,
 * billed by the platform's rule on every node, less its discounts, plus surcharges, disk, public address, traffic and tax.
 * A part that is not known is `null`, counts nothing, and is named in `breakdown.unknown`. Throws `config_invalid` when an
 * exchange rate is missing.
 */
export function priceOffer(job: JobSpec, offer: Offer, context: PriceContext): OfferQuote {
  const unknown: string[] = [];
  if (offer.price.source === "after-create") unknown.push("the price, known only once rented");
  const data = planMoves(job, offer, context, unknown);
  const times = expectTimes(job, offer, { ...context, dataSeconds: data.seconds }, unknown);
  const { nodes } = job.resources;
  const seconds = stretchesOf(job, offer, times);
  const compute = priceCompute(offer, nodes, seconds, context);
  const extras = priceExtras(job, offer, seconds, context, unknown);
  const { data: dataTime, ...timed } = compute.parts;
  const parts = {
    ...timed,
    ...nullWhereUnknown(timed, times),
    ...extras,
    ...priceData(dataTime, data),
  };
  const net = sumParts(parts);
  const tax = priceTax(offer, net, context, unknown);
  const { ownRate } = offer.price;
  const breakdown: PriceBreakdown = {
    ...parts,
    ...(ownRate === undefined ? {} : { ownRate: `${ownRate.name} ${ownRate.factor}` }),
    tax,
    unknown,
  };
  return {
    pricePerHour: convertMoney(hourlyPrice(offer, nodes), context.currency, context.rates),
    totalPrice: { currency: context.currency, micros: net + (tax?.micros ?? 0) },
    breakdown,
    compute: { currency: context.currency, micros: compute.micros },
    billedHours: seconds.billed / 3600,
    moves: data.moves,
    seconds: seconds.raw + (times.isBootBilled ? 0 : times.boot + (times.imagePull ?? 0)),
  };
}

/** The seconds of a run that are billed, and what each is for. */
interface Stretches {
  readonly work: number;
  readonly boot: number;
  readonly imagePull: number;
  readonly upload: number;
  readonly data: number;
  readonly download: number;
  readonly keep: number;
  readonly rework: number;
  /** All of these. */
  readonly raw: number;
  /** Rounded up as the platform does, on every machine that the run is expected to need. */
  readonly billed: number;
}

function stretchesOf(job: JobSpec, { price }: Offer, times: ExpectedTimes): Stretches {
  const { work, keep } = times;
  const boot = times.isBootBilled ? times.boot : 0;
  const imagePull = times.isBootBilled ? (times.imagePull ?? 0) : 0;
  const upload = times.upload ?? 0;
  const download = times.download ?? 0;
  const rework = times.rework ?? 0;
  const data = times.data ?? 0;
  const raw = work + boot + imagePull + upload + data + download + keep + rework;
  const more =
    times.interrupted === undefined
      ? billSeconds(price.billing, raw) - raw
      : Math.round(
          expectedRoundingSeconds(price.billing, {
            ...times.interrupted,
            billedBootSeconds: boot + imagePull,
            afterSeconds: download + keep,
            mostInterruptions: job.retry.interruptions,
          }),
        );
  return { work, boot, imagePull, upload, data, download, keep, rework, raw, billed: raw + more };
}

type ComputeParts = Pick<
  PriceBreakdown,
  | "compute"
  | "boot"
  | "imagePull"
  | "upload"
  | "download"
  | "keep"
  | "expectedRework"
  | "minimum"
  | "discount"
>;

/** The time of the machine and what the source of the data takes; nothing of a job that needs none. */
function priceData(
  time: Money,
  { moves, seconds, egress }: DataPlan,
): Pick<PriceBreakdown, "data"> {
  if (moves.length === 0) return {};
  // That the source's price is not known has been said.
  const micros = time.micros + (egress?.micros ?? 0);
  return { data: seconds === null ? null : { ...time, micros } };
}

/** Times that are not known cost what is not known. */
function nullWhereUnknown(
  parts: ComputeParts,
  { imagePull, upload, download, rework }: ExpectedTimes,
): Pick<ComputeParts, "imagePull" | "upload" | "download" | "expectedRework"> {
  return {
    imagePull: imagePull === null ? null : parts.imagePull,
    upload: upload === null ? null : parts.upload,
    download: download === null ? null : parts.download,
    expectedRework: rework === null ? null : parts.expectedRework,
  };
}

/**
 * The parts are the steps of one running total, each converted and rounded once, so they add up to what the bill
 * would be to the micro: work, then what else takes time, then re-runs, then rounding up to what is billed, then the
 * discounts on all of it.
 */
function priceCompute(
  { price }: Offer,
  nodes: number,
  seconds: Stretches,
  context: PriceContext,
): { readonly parts: ComputeParts & { readonly data: Money }; readonly micros: number } {
  const { perHour, factor } = computeTerms(price);
  const priceOf = (upTo: number, part: number): number => {
    const amount = scaleMoney(perHour, { times: [upTo, nodes, part], over: [3600] });
    return convertMoney(amount, context.currency, context.rates).micros;
  };
  const nothing: Money = { currency: context.currency, micros: 0 };
  let reached = 0;
  let total = 0;
  const add = (more: number): Money => {
    if (more === 0) return nothing;
    reached += more;
    const before = total;
    total = priceOf(reached, 1);
    return { currency: context.currency, micros: total - before };
  };
  const parts = {
    compute: add(seconds.work),
    boot: add(seconds.boot),
    imagePull: add(seconds.imagePull),
    upload: add(seconds.upload),
    data: add(seconds.data),
    download: add(seconds.download),
    keep: add(seconds.keep),
    expectedRework: add(seconds.rework),
    minimum: add(seconds.billed - seconds.raw),
  };
  const micros = factor === 1 ? total : priceOf(reached, factor);
  const discount =
    micros === total ? nothing : { currency: context.currency, micros: micros - total };
  return { parts: { ...parts, discount }, micros };
}

type ExtraParts = Pick<PriceBreakdown, "surcharges" | "disk" | "publicIp" | "egress">;

function priceExtras(
  job: JobSpec,
  offer: Offer,
  seconds: Stretches,
  context: PriceContext,
  unknown: string[],
): ExtraParts {
  const { diskPerGibHour, publicIpPerHour, surcharges = [] } = offer.price;
  const { nodes } = job.resources;
  const overTime = (perHour: Money, time: number, amount = 1): Money => {
    const price = scaleMoney(perHour, { times: [amount, nodes, time], over: [3600] });
    return convertMoney(price, context.currency, context.rates);
  };
  const zero: Money = { currency: context.currency, micros: 0 };
  const besides = surcharges.map(({ perHour }) => overTime(perHour, seconds.billed).micros);

  const extraGib = extraDiskGib(job, offer);
  const disk = diskPerGibHour && overTime(diskPerGibHour, seconds.raw, extraGib);
  if (extraGib > 0 && disk === undefined) unknown.push("the disk price");

  const publicIp = publicIpPerHour && overTime(publicIpPerHour, seconds.raw);
  if (publicIp === undefined) unknown.push("the price of a public address");

  return {
    surcharges: { ...zero, micros: besides.reduce((sum, micros) => sum + micros, 0) },
    disk: disk ?? (extraGib > 0 ? null : zero),
    publicIp: publicIp ?? null,
    egress: priceEgress(job, offer, context, unknown),
  };
}

function priceEgress(
  job: JobSpec,
  { price }: Offer,
  context: PriceContext,
  unknown: string[],
): Money | null {
  const { currency, rates } = context;
  const perGib = price.egressPerGib;
  if (perGib?.micros === 0) return { currency, micros: 0 };
  if (perGib === undefined) {
    unknown.push("the price of sending results out");
    return null;
  }
  // That their size is not known has been said with the time to fetch them.
  const bytes = homeBytes(job, context);
  if (bytes === undefined) return null;
  const { nodes } = job.resources;
  return convertMoney(scaleMoney(perGib, { times: [bytes, nodes], over: [gib] }), currency, rates);
}

/** On all other parts. */
function priceTax(
  { price }: Offer,
  net: number,
  { currency }: PriceContext,
  unknown: string[],
): Money | null {
  if (price.taxRate !== undefined)
    return scaleMoney({ currency, micros: net }, { times: [price.taxRate] });
  unknown.push("whether tax comes on top");
  return null;
}

/** Micros of all known parts together, before tax. */
function sumParts(parts: ComputeParts & ExtraParts & Pick<PriceBreakdown, "data">): number {
  return Object.values(parts).reduce((sum, part) => sum + (part?.micros ?? 0), 0);
}
