import { convertMoney, scaleMoney } from "@gpujob/catalog";
import type { Currency, ExchangeRate, JobSpec, Money, Offer, PriceBreakdown } from "@gpujob/spec";
import { billSeconds } from "./billing.ts";
import { expectedReworkSeconds } from "./expected-rework.ts";
import { hourlyPrice } from "./hourly-price.ts";
import { formatNumber } from "./text.ts";

/** What pricing needs beside the job and the offer. */
export interface PriceContext {
  readonly rates: readonly ExchangeRate[];
  /** Currency of the answer. */
  readonly currency: Currency;
  /** Bytes that will be sent to each node; absent: not known. */
  readonly uploadBytes?: number;
  /** Bytes of outputs that will come home from each node; absent: not known. */
  readonly outputBytes?: number;
  /** Upload speed of this machine in Mbit/s; absent: 30 is assumed, and said. */
  readonly bandwidthMbps?: number;
}

/** What a job is expected to cost on an offer, all nodes together, in the context's currency. */
export interface OfferQuote {
  /** After the platform's discount. */
  readonly pricePerHour: Money;
  /** Exactly the sum of the breakdown's known parts. */
  readonly totalPrice: Money;
  readonly breakdown: PriceBreakdown;
}

/** Used where a platform gives no usual time from create to ready. */
const assumedBootSeconds = 120;
const assumedBandwidthMbps = 30;
const bootAssumed = `the boot time (${assumedBootSeconds} s assumed)`;
const gib = 2 ** 30;

/** The stretches of a lease, in whole seconds; `null` is not known. */
interface Times {
  readonly work: number;
  readonly boot: number;
  readonly upload: number | null;
  readonly rework: number | null;
}

/**
 * The total price of a job on an offer: expected time, boot, upload and expected re-runs, billed by the platform's rule
 * on every node, less its discount, plus disk, public address and traffic. A part that is not known is `null`, counts
 * nothing, and is named in `breakdown.unknown`. Throws `config_invalid` when an exchange rate is missing.
 */
export function priceOffer(job: JobSpec, offer: Offer, context: PriceContext): OfferQuote {
  const unknown: string[] = [];
  if (offer.price.source === "after-create") unknown.push("the price, known only once rented");
  const times = estimateTimes(job, offer, context, unknown);
  const { nodes } = job.resources;
  const compute = priceCompute(offer, nodes, times, context);
  const extras = priceExtras(job, offer, times, context, unknown);
  const breakdown: PriceBreakdown = { ...compute, ...extras, unknown };
  return {
    pricePerHour: convertMoney(hourlyPrice(offer, nodes), context.currency, context.rates),
    totalPrice: { currency: context.currency, micros: sumParts(breakdown) },
    breakdown,
  };
}

/** Micros of all known parts together. */
function sumParts(breakdown: PriceBreakdown): number {
  const { compute, disk, publicIp, egress, boot, upload, minimum, expectedRework, discount } =
    breakdown;
  const parts = [compute, disk, publicIp, egress, boot, upload, minimum, expectedRework, discount];
  return parts.reduce((sum, part) => sum + (part?.micros ?? 0), 0);
}

function estimateTimes(
  job: JobSpec,
  offer: Offer,
  context: PriceContext,
  unknown: string[],
): Times {
  const work = Math.ceil(job.expectedTimeMs / 1000);
  const boot = Math.ceil(offer.bootSeconds ?? assumedBootSeconds);
  if (offer.bootSeconds === undefined) unknown.push(bootAssumed);
  const upload = uploadSeconds(job, context, unknown);
  const restart = (isBootBilled(offer) ? boot : 0) + (upload ?? 0);
  const rework = reworkSeconds(job, offer, { work, restart }, unknown);
  return { work, boot, upload, rework };
}

/** Absent is the careful answer. */
function isBootBilled({ price }: Offer): boolean {
  return price.billing.isBootBilled ?? true;
}

function uploadSeconds(job: JobSpec, context: PriceContext, unknown: string[]): number | null {
  const sends =
    job.workdir !== undefined || job.files.some(({ source }) => source.kind === "local");
  if (!sends || context.uploadBytes === 0) return 0;
  if (context.uploadBytes === undefined) {
    unknown.push("the upload time");
    return null;
  }
  const bandwidth = context.bandwidthMbps ?? assumedBandwidthMbps;
  if (context.bandwidthMbps === undefined) {
    unknown.push(`the upload speed (${formatNumber(bandwidth)} Mbit/s assumed)`);
  }
  return Math.ceil((context.uploadBytes * 8) / (bandwidth * 1e6));
}

/**
 * A gang is interrupted when any of its members is, so its rate is theirs together. Ends at the time limit. Each re-run
 * is a lease of its own, whose rounding up to units and minimum is left out here: it is small beside the guess itself.
 */
function reworkSeconds(
  job: JobSpec,
  offer: Offer,
  { work, restart }: { readonly work: number; readonly restart: number },
  unknown: string[],
): number | null {
  if (offer.market !== "spot") return 0;
  if (offer.interruptionsPerHour === undefined) {
    unknown.push("how often the spot machine is interrupted");
    return null;
  }
  const seconds = expectedReworkSeconds({
    workSeconds: work,
    interruptionsPerHour: offer.interruptionsPerHour * job.resources.nodes,
    restartSeconds: restart,
    ...(job.checkpoint === undefined ? {} : { checkpointSeconds: job.checkpoint.everyMs / 1000 }),
  });
  const most = Math.max(0, Math.ceil(job.limits.timeMs / 1000) - work);
  return Math.ceil(Math.min(seconds, most));
}

type ComputeParts = Pick<
  PriceBreakdown,
  "compute" | "boot" | "upload" | "expectedRework" | "minimum" | "discount"
>;

/**
 * The parts are the steps of one running total, each converted and rounded once, so they add up to what the bill
 * would be to the micro: work, then boot, then upload, then re-runs, then rounding up to what is billed, then the
 * discount on all of it.
 */
function priceCompute(
  offer: Offer,
  nodes: number,
  times: Times,
  context: PriceContext,
): ComputeParts {
  const { perHour, billing, discount = 1 } = offer.price;
  const priceOf = (seconds: number, factor: number): number => {
    const amount = scaleMoney(perHour, { times: [seconds, nodes, factor], over: [3600] });
    return convertMoney(amount, context.currency, context.rates).micros;
  };
  const nothing: Money = { currency: context.currency, micros: 0 };
  let seconds = 0;
  let total = 0;
  const add = (more: number): Money => {
    if (more === 0) return nothing;
    seconds += more;
    const before = total;
    total = priceOf(seconds, 1);
    return { currency: context.currency, micros: total - before };
  };
  const compute = add(times.work);
  const boot = add(isBootBilled(offer) ? times.boot : 0);
  const upload = add(times.upload ?? 0);
  const expectedRework = add(times.rework ?? 0);
  const minimum = add(billSeconds(billing, seconds) - seconds);
  const discounted = discount === 1 ? total : priceOf(seconds, discount);
  return {
    compute,
    boot,
    upload: times.upload === null ? null : upload,
    expectedRework: times.rework === null ? null : expectedRework,
    minimum,
    discount:
      discounted === total ? nothing : { currency: context.currency, micros: discounted - total },
  };
}

type ExtraParts = Pick<PriceBreakdown, "disk" | "publicIp" | "egress">;

function priceExtras(
  job: JobSpec,
  offer: Offer,
  times: Times,
  context: PriceContext,
  unknown: string[],
): ExtraParts {
  const { diskPerGibHour, publicIpPerHour, egressPerGib } = offer.price;
  const { nodes, diskGib } = job.resources;
  const seconds = times.boot + (times.upload ?? 0) + times.work + (times.rework ?? 0);
  const overTime = (perHour: Money, amount: number): Money => {
    const price = scaleMoney(perHour, { times: [amount, nodes, seconds], over: [3600] });
    return convertMoney(price, context.currency, context.rates);
  };
  const zero: Money = { currency: context.currency, micros: 0 };

  const extraGib = Math.max(0, (diskGib?.min ?? 0) - (offer.includedDiskGib ?? 0));
  const disk = diskPerGibHour && overTime(diskPerGibHour, extraGib);
  if (extraGib > 0 && disk === undefined) unknown.push("the disk price");

  const publicIp = publicIpPerHour && overTime(publicIpPerHour, 1);
  if (publicIp === undefined) unknown.push("the price of a public address");

  return {
    disk: disk ?? (extraGib > 0 ? null : zero),
    publicIp: publicIp ?? null,
    egress: priceEgress(egressPerGib, nodes, context, unknown),
  };
}

function priceEgress(
  perGib: Money | undefined,
  nodes: number,
  { outputBytes, currency, rates }: PriceContext,
  unknown: string[],
): Money | null {
  if (perGib?.micros === 0) return { currency, micros: 0 };
  if (perGib === undefined) {
    unknown.push("the price of sending results out");
    return null;
  }
  if (outputBytes === undefined) {
    unknown.push("the size of the outputs, which are paid for by the GiB");
    return null;
  }
  return convertMoney(
    scaleMoney(perGib, { times: [outputBytes, nodes], over: [gib] }),
    currency,
    rates,
  );
}
