import { convertMoney } from "@gpujob/catalog";
import {
  formatHourlyPrice,
  type Capabilities,
  type Currency,
  type ExchangeRate,
  type JobSpec,
  type Money,
  type Offer,
} from "@gpujob/spec";
import { compileDeadlineCheck, type DeadlineContext } from "./deadline.ts";
import { type Exclusion, isExcluded } from "./exclusions.ts";
import { imageFor } from "./image.ts";
import { compileGpuMatch, type GpuMatch } from "./match-gpu.ts";
import { compilePlaceMatch, type Place } from "./match-place.ts";
import { isWithin, type Miss, missOfSize } from "./miss.ts";
import { compileModelFit } from "./model-fit.ts";
import { hourlyPrice } from "./hourly-price.ts";
import { type Accounts, withAccount } from "./own-account.ts";
import { compileDemands, type TraitsByPlatform } from "./profile-demands.ts";
import { countOf, formatNumber, formatRange } from "./text.ts";

/** What matching needs beside the job and the offer. */
export interface MatchContext extends DeadlineContext {
  /** By the configured platform's name. A platform left out is held to nothing. */
  readonly capabilitiesByPlatform: Readonly<Record<string, Capabilities>>;
  readonly rates: readonly ExchangeRate[];
  /** Currency of the plan; offers that cannot be converted into it do not fit. */
  readonly currency: Currency;
  /** Sold out is no miss: for a list of what there is, not for a plan. @default false */
  readonly isStockIgnored?: boolean;
  /** What people say of the platforms; for profiles that demand more than a fit. */
  readonly traitsByPlatform?: TraitsByPlatform;
  /** What the user has where. Absent: offers count as they are. */
  readonly accounts?: Accounts;
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
  const checks = compileChecks(job, exclusions, context);
  return {
    place: compilePlaceMatch(job, context.capabilitiesByPlatform),
    gpu: compileGpuMatch(job.resources, compileModelFit(job)),
    offer: (offer) => {
      // Runs for every offer there is, so nothing is made for one that fits.
      let misses = none;
      for (const check of checks) {
        const miss = check(offer);
        if (miss !== undefined) misses = [...misses, miss];
      }
      return misses;
    },
  };
}

type Check = (offer: Offer) => Miss | undefined;

/** Only what the job asks for is looked at. */
function compileChecks(
  job: JobSpec,
  exclusions: readonly Exclusion[],
  context: MatchContext,
): readonly Check[] {
  const { resources, limits } = job;
  const { cpuCount, memoryGib, diskGib, nodes, fabric } = resources;
  const checks: Check[] = [
    ...compileDemands(job, context.traitsByPlatform ?? {}),
    (offer) => missOfStock(offer, nodes, context.isStockIgnored === true),
    compileCurrencyCheck(context),
    ...exclusions.map(compileExclusionCheck),
  ];
  if (cpuCount)
    checks.push((offer) => missOfSize("resources.cpu", "CPUs", offer.cpuCount, cpuCount));
  if (memoryGib) {
    checks.push((offer) =>
      missOfSize("resources.memory", "GiB of memory", offer.memoryGib, memoryGib),
    );
  }
  if (diskGib) {
    const isEstimated = resources.isDiskEstimated === true;
    checks.push((offer) => missOfDisk(offer, diskGib, isEstimated));
  }
  if (nodes > 1) {
    checks.push((offer) => missOfNodes(offer, nodes));
    checks.push((offer) => missOfFabric(offer, fabric));
  }
  if (job.image !== undefined) checks.push((offer) => missOfDocker(offer, job, context));
  const limit = limits.pricePerHour;
  if (limit) checks.push((offer) => missOfPrice(offer, nodes, limit, context));
  const deadline = compileDeadlineCheck(job, context);
  return deadline === undefined ? checks : [...checks, deadline];
}

function missOfDisk(
  offer: Offer,
  wanted: NonNullable<JobSpec["resources"]["diskGib"]>,
  isEstimated: boolean,
): Miss | undefined {
  const largest = offer.maxDiskGib ?? offer.includedDiskGib;
  // What is read on the machine is held against it before anything is sent.
  if (largest === undefined && isEstimated) return undefined;
  // A disk is made as large as asked, so only a machine that cannot have one so large is a miss.
  return missOfSize("resources.disk", "GiB of disk at most", largest, { min: wanted.min ?? 0 });
}

/** What an offer says of itself stands before what its platform says of all. */
function missOfDocker(
  { platform, docker }: Offer,
  job: JobSpec,
  { capabilitiesByPlatform }: MatchContext,
): Miss | undefined {
  const image = imageFor(job, platform);
  if (image?.startsWith("docker:") !== true || docker === true) return undefined;
  const key = "image";
  if (docker !== undefined) return { key, text: `Docker ${docker.problem}, ${image} asked for` };
  if (!Object.hasOwn(capabilitiesByPlatform, platform)) return undefined;
  if (capabilitiesByPlatform[platform]?.docker === true) return undefined;
  return { key, text: `no Docker images on ${platform}, ${image} asked for` };
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

function missOfStock(
  { availability, outOfReach }: Offer,
  nodes: number,
  isIgnored: boolean,
): Miss | undefined {
  if (outOfReach !== undefined) return { key: "offer", text: "cannot be reached now" };
  if (isIgnored) return undefined;
  if (availability === "none" || availability === 0) return { key: "offer", text: "sold out" };
  if (typeof availability !== "number" || availability >= nodes) return undefined;
  return {
    key: "resources.nodes",
    text: `${availability} left, ${countOf(nodes, "node")} asked for`,
  };
}

/** An offer in a currency without a rate cannot be compared with any other. */
function compileCurrencyCheck({ rates, currency }: MatchContext): Check {
  const known = new Set([
    "CNY",
    ...rates.filter((rate) => rate.cnyPerUnit > 0).map((rate) => rate.currency),
  ]);
  return ({ price }) => {
    const foreign = price.perHour.currency;
    if (foreign === currency || (known.has(foreign) && known.has(currency))) return undefined;
    const lacking = known.has(foreign) ? currency : foreign;
    return {
      key: "offer",
      text: `priced in ${foreign}, and there is no exchange rate for ${lacking}`,
    };
  };
}

function missOfPrice(
  offer: Offer,
  nodes: number,
  limit: Money,
  { rates, accounts }: MatchContext,
): Miss | undefined {
  const own = hourlyPrice(withAccount(offer, accounts), nodes);
  const price = convertMoney(own, limit.currency, rates);
  if (price.micros <= limit.micros) return undefined;
  return {
    key: "limits.price",
    text: `${formatHourlyPrice(price)}, at most ${formatHourlyPrice(limit)} asked for`,
  };
}

function compileExclusionCheck(exclusion: Exclusion): Check {
  const until = `${new Date(exclusion.untilMs).toISOString().slice(0, 19)}Z`;
  const wayOut =
    exclusion.isShared === true
      ? ` (\`gpujob doctor ${exclusion.platform} --forgive\` ends this)`
      : "";
  const miss = { key: "offer", text: `avoided until ${until}: ${exclusion.reason}${wayOut}` };
  return (offer) => (isExcluded(exclusion, offer) ? miss : undefined);
}
