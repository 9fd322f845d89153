import { findGpuModel, resolveGpuName } from "@gpujob/catalog";
import type { GpuRequest, OfferGpu, Resources } from "@gpujob/spec";
import { isWithin, type Miss } from "./miss.ts";
import type { ModelFit } from "./model-fit.ts";
import { countOf, formatNumber, formatRange, joinOr } from "./text.ts";

/** A card sold as 24 GB shows 22.4 GiB, one sold as 48 GB 44.7. */
const memorySlack = 0.07;

/** How far the accelerators of an offer are from what a job accepts. */
export interface GpuMatch {
  /** Position of the first request that fits, from 0. */
  readonly preference: number;
  /** Empty when one request fits; else the misses of the request that is nearest. */
  readonly misses: readonly Miss[];
}

const fits: GpuMatch = { preference: 0, misses: [] };

/** Prepares the accelerator part of a job for many offers; with `fit`, what its model needs holds as well. */
export function compileGpuMatch(
  resources: Resources,
  fit?: ModelFit,
): (gpu: OfferGpu | undefined) => GpuMatch {
  const matchRequests = compileRequests(resources);
  if (fit === undefined) return matchRequests;
  return (gpu) => {
    const match = matchRequests(gpu);
    const own = missOfModel(gpu, fit);
    return own === undefined ? match : { ...match, misses: [...match.misses, own] };
  };
}

/** What a model needs is no size that a card is sold with, so there is no tolerance. */
function missOfModel(gpu: OfferGpu | undefined, fit: ModelFit): Miss | undefined {
  if (gpu === undefined) return { key: "model", text: "no accelerator, the model needs one" };
  const need = fit(gpu.count);
  if (need <= gpu.vramGib) return undefined;
  const there = `${formatNumber(gpu.vramGib)} GiB per card`;
  const each = gpu.count === 1 ? "" : ` on each of ${gpu.count} cards`;
  return { key: "model", text: `${there}, the model needs ${formatNumber(need)}${each}` };
}

function compileRequests(resources: Resources): (gpu: OfferGpu | undefined) => GpuMatch {
  const requests = resources.gpus.map((request) => ({ request, models: resolveModels(request) }));
  if (requests.length === 0) return () => fits;
  return (gpu) => {
    if (gpu === undefined) return { preference: 0, misses: [missingGpu(requests.map(describe))] };
    const tried = requests.map(({ request, models }) => findMisses(request, models, gpu));
    const found = tried.findIndex((misses) => misses.length === 0);
    if (found >= 0) {
      const link = missOfInterconnect(resources.interconnect, gpu);
      return { preference: found, misses: link ? [link] : [] };
    }
    const nearest = tried.reduce((best, misses) => (misses.length < best.length ? misses : best));
    const link = missOfInterconnect(resources.interconnect, gpu);
    return { preference: 0, misses: link ? [...nearest, link] : nearest };
  };
}

function missingGpu(wanted: readonly string[]): Miss {
  return { key: "resources.gpu", text: `no accelerator, ${joinOr(wanted)} asked for` };
}

function describe({ request }: { readonly request: GpuRequest }): string {
  const names = request.models ?? request.vendors ?? [];
  return names.length > 0 ? joinOr(names) : countOf(request.count.min ?? 1, "card");
}

/** Model ids, lower case; a name the catalogue does not know stands as written. */
function resolveModels({ models }: GpuRequest): ReadonlySet<string> | undefined {
  if (models === undefined || models.length === 0) return undefined;
  return new Set(models.map((name) => (resolveGpuName(name) ?? name).toLowerCase()));
}

function findMisses(
  request: GpuRequest,
  models: ReadonlySet<string> | undefined,
  gpu: OfferGpu,
): readonly Miss[] {
  const texts: string[] = [];
  const { vendors = [], vramGib, count, totalVramGib, computeCapability } = request;
  if (vendors.length > 0 && !vendors.includes(gpu.vendor)) {
    texts.push(`made by ${gpu.vendor}, ${joinOr(vendors)} asked for`);
  }
  if (models !== undefined && !models.has(gpu.model.toLowerCase())) {
    texts.push(`${gpu.model}, ${joinOr(request.models ?? [])} asked for`);
  }
  if (vramGib !== undefined && !isWithin(gpu.vramGib, vramGib, memorySlack)) {
    texts.push(`${formatNumber(gpu.vramGib)} GiB per card, ${formatRange(vramGib)} asked for`);
  }
  if (!isWithin(gpu.count, count)) {
    texts.push(`${countOf(gpu.count, "card")}, ${formatRange(count)} asked for`);
  }
  const total = gpu.vramGib * gpu.count;
  if (totalVramGib !== undefined && !isWithin(total, totalVramGib, memorySlack)) {
    texts.push(`${formatNumber(total)} GiB on all cards, ${formatRange(totalVramGib)} asked for`);
  }
  if (computeCapability !== undefined) texts.push(...missOfCapability(computeCapability, gpu));
  return texts.map((text) => ({ key: "resources.gpu", text }));
}

function missOfCapability(
  wanted: NonNullable<GpuRequest["computeCapability"]>,
  gpu: OfferGpu,
): readonly string[] {
  const known = findGpuModel(gpu.model)?.computeCapability;
  const asked = `${formatRange(wanted)} asked for`;
  if (known === undefined) return [`compute capability of ${gpu.model} not known, ${asked}`];
  return isWithin(known, wanted) ? [] : [`compute capability ${known.toFixed(1)}, ${asked}`];
}

/** A faster link of the same kind satisfies a slower one; a single card has no link to miss. */
const satisfiedBy: Readonly<Record<Exclude<Resources["interconnect"], "any">, readonly string[]>> =
  {
    pcie: ["pcie", "nvlink", "nvswitch", "hccs"],
    nvlink: ["nvlink", "nvswitch"],
    nvswitch: ["nvswitch"],
    hccs: ["hccs"],
  };

function missOfInterconnect(wanted: Resources["interconnect"], gpu: OfferGpu): Miss | undefined {
  if (wanted === "any" || gpu.count < 2) return undefined;
  if (satisfiedBy[wanted].includes(gpu.interconnect)) return undefined;
  const there =
    gpu.interconnect === "unknown"
      ? "link between cards not known"
      : `${gpu.interconnect} between cards`;
  return { key: "resources.interconnect", text: `${there}, ${wanted} asked for` };
}
