import { convertMoney } from "@gpujob/catalog";
import type { Capabilities, Currency, ExchangeRate, JobSpec, Money, Offer } from "@gpujob/spec";
import { type Exclusion, isExcluded } from "./exclusions.ts";
import { compileGpuMatch, type GpuMatch } from "./match-gpu.ts";
import { compilePlaceMatch, type Place } from "./match-place.ts";
import { isWithin, type Miss, missOfSize } from "./miss.ts";
import { hourlyPrice } from "./hourly-price.ts";
import { countOf, formatMoney, formatNumber, formatRange } from "./text.ts";

/** What matching needs beside the job and the offer. */
export interface MatchContext {
  /** By the configured platform's name. A platform left out is held to nothing. */
  readonly capabilitiesByPlatform: Readonly<Record<string, Capabilities>>;
  readonly rates: readonly ExchangeRate[];
  /** Currency of the plan. */
  readonly currency: Currency;
}

/** The checks of one job, made ready for many offers. */
export interface Matcher {
  /** What offers of the same platform, region, country and market share. */
  readonly place: (place: Place) => readonly Miss[];
  /** What offers with the same accelerators share. */
  readonly gpu: (gpu: Offer["gpu"]) => GpuMatch;
  /** The rest. */
  readonly offer: (offer: Offer) => readonly Miss[];
}

const none: readonly Miss[] = [];

/**
 * Why an offer does not fit a job, one sentence each; empty when it fits. Exclusions past their time are dropped by the
 * caller (`dropExpired`). For many offers `makePlan` is far faster.
 */
export function matchOffer(
  job: JobSpec,
  offer: Offer,
  exclusions: readonly Exclusion[],
  context: MatchContext,
): readonly string[] {
  const matcher = compileMatcher(job, exclusions, context);
  const misses = [
    ...matcher.place(offer),
    ...matcher.gpu(offer.gpu).misses,
    ...matcher.offer(offer),
  ];
  return misses.map(({ text }) => text);
}

/** Prepares everything about a job that does not depend on a single offer. */
export function compileMatcher(
  job: JobSpec,
  exclusions: readonly Exclusion[],
  context: MatchContext,
): Matcher {
  const { cpuCount, memoryGib, diskGib, nodes } = job.resources;
  const limit = job.limits.pricePerHour;
  return {
    place: compilePlaceMatch(job, context.capabilitiesByPlatform),
    gpu: compileGpuMatch(job.resources),
    offer: (offer) => {
      // Kept without an allocation: this runs for every offer there is.
      let misses = none;
      const add = (miss: Miss | undefined): void => {
        if (miss !== undefined) misses = misses.length === 0 ? [miss] : [...misses, miss];
      };
      if (cpuCount) add(missOfSize("resources.cpu", "CPUs", offer.cpuCount, cpuCount));
      if (memoryGib)
        add(missOfSize("resources.memory", "GiB of memory", offer.memoryGib, memoryGib));
      if (diskGib) add(missOfDisk(offer, diskGib));
      if (nodes > 1) {
        add(missOfNodes(offer, nodes));
        add(missOfFabric(offer, job.resources.fabric));
      }
      add(missOfStock(offer, nodes));
      add(missOfPrice(offer, nodes, limit, context));
      for (const exclusion of exclusions) {
        if (isExcluded(exclusion, offer)) add(missOfExclusion(exclusion));
      }
      return misses;
    },
  };
}

function missOfDisk(
  offer: Offer,
  wanted: NonNullable<JobSpec["resources"]["diskGib"]>,
): Miss | undefined {
  const largest = offer.maxDiskGib ?? offer.includedDiskGib;
  // A disk is made as large as asked, so only a machine that cannot have one so large is a miss.
  return missOfSize("resources.disk", "GiB of disk at most", largest, { min: wanted.min ?? 0 });
}

function missOfNodes(offer: Offer, nodes: number): Miss | undefined {
  const most = offer.maxNodes ?? 1;
  if (nodes <= most) return undefined;
  return { key: "resources.nodes", text: `${countOf(most, "node")} at most, ${nodes} asked for` };
}

function missOfFabric({ fabric }: Offer, wanted: JobSpec["resources"]["fabric"]): Miss | undefined {
  const key = "resources.fabric";
  if (wanted.kind === "any" && wanted.bandwidthGbps === undefined) return undefined;
  if (fabric === undefined)
    return { key, text: `network between nodes not known, ${wanted.kind} asked for` };
  if (wanted.kind === "rdma" && fabric.kind !== "rdma") {
    return { key, text: `${fabric.kind} between nodes, rdma asked for` };
  }
  if (wanted.bandwidthGbps === undefined) return undefined;
  const asked = `${formatRange(wanted.bandwidthGbps)} asked for`;
  if (fabric.bandwidthGbps === undefined)
    return { key, text: `bandwidth between nodes not known, ${asked}` };
  if (isWithin(fabric.bandwidthGbps, wanted.bandwidthGbps)) return undefined;
  return { key, text: `${formatNumber(fabric.bandwidthGbps)} Gbit/s between nodes, ${asked}` };
}

function missOfStock({ availability }: Offer, nodes: number): Miss | undefined {
  if (availability === "none" || availability === 0) return { key: "offer", text: "sold out" };
  if (typeof availability !== "number" || availability >= nodes) return undefined;
  return {
    key: "resources.nodes",
    text: `${availability} left, ${countOf(nodes, "node")} asked for`,
  };
}

/** Also finds out whether the offer can be priced at all: the plan needs it in its own currency. */
function missOfPrice(
  offer: Offer,
  nodes: number,
  limit: Money | undefined,
  { rates, currency }: MatchContext,
): Miss | undefined {
  const foreign = offer.price.perHour.currency;
  if (!canConvert(foreign, currency, rates)) {
    return { key: "offer", text: `priced in ${foreign}, for which there is no exchange rate` };
  }
  if (limit === undefined) return undefined;
  const price = convertMoney(hourlyPrice(offer, nodes), limit.currency, rates);
  if (price.micros <= limit.micros) return undefined;
  return {
    key: "limits.price",
    text: `${formatMoney(price)} per hour, at most ${formatMoney(limit)} asked for`,
  };
}

function canConvert(from: Currency, to: Currency, rates: readonly ExchangeRate[]): boolean {
  if (from === to) return true;
  const has = (wanted: Currency): boolean =>
    wanted === "CNY" ||
    rates.some(({ currency, cnyPerUnit }) => currency === wanted && cnyPerUnit > 0);
  return has(from) && has(to);
}

function missOfExclusion({ untilMs, reason }: Exclusion): Miss {
  const until = `${new Date(untilMs).toISOString().slice(0, 19)}Z`;
  return { key: "offer", text: `avoided until ${until}: ${reason}` };
}
