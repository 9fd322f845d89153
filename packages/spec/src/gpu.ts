import type { GpuRequest, Range } from "./job.ts";
import { GpujobError } from "./errors.ts";
import { didYouMean, quoteText } from "./nearest.ts";
import { parseVendors, readVendors, vendorNames } from "./gpu-vendor.ts";
import { unreadable } from "./quantity.ts";
import { parseRange } from "./range.ts";
import { parseSizeGib } from "./size.ts";

const grammar =
  'Write it as [vendor:][name,…][:memory][:count], such as "A100,H100:80GB:1" or "24GB..".';
/** No machine has more; a larger number is a model that nobody knows. */
const mostCards = 128;

/** What reading accelerator requests needs from the catalogue. */
export interface GpuNames {
  /** The catalogue's model id for a name in any spelling, or `undefined` when it knows none. */
  readonly resolveName: (text: string) => string | undefined;
  /** GiB per card that a name itself says, such as 80 in `A100-SXM4-80GB`; a memory of its own goes before it. */
  readonly statedVramGib?: (text: string) => number | undefined;
}

/**
 * Reads one accelerator request such as `A100,H100:80GB:1`, `nvidia:24GB..`, `domestic:64GB:8` or `4090`.
 * A name of the catalogue wins over the shape of a memory size or a count; what looks like nothing else is a name.
 * @throws `usage` that says which part cannot be read.
 */
export function parseGpuText(text: string, names: GpuNames): GpuRequest {
  const parts = text.split(":").map((part) => part.trim());
  if (parts.some((part) => part === "") || parts.length > 8 || text.length > 500) {
    throw unreadable(text, "an accelerator request", grammar);
  }
  let found: Part = {};
  for (const part of parts) {
    const read = readPart(part, names);
    const again = partKeys.find((key) => read[key] !== undefined && found[key] !== undefined);
    if (again !== undefined) throw refuseAgain(text, part, again, parts[0] ?? "");
    found = { ...found, ...read };
  }
  const { statedVramGib, ...request } = found;
  return { ...statedVramGib, ...request, count: request.count ?? { min: 1, max: 1 } };
}

const partKeys = ["vendors", "models", "vramGib", "count"] as const;
type PartKey = (typeof partKeys)[number];
type Part = Partial<Pick<GpuRequest, PartKey>> & {
  readonly statedVramGib?: Pick<GpuRequest, "vramGib">;
};

function readPart(part: string, names: GpuNames): Part {
  const items = part.split(",").map((item) => item.trim());
  if (items.some((item) => item === "")) throw unreadable(part, "a list of names", grammar);
  const models = items.map((item) => names.resolveName(item));
  if (models.every((model) => model === undefined)) {
    const vendors = items.map(readVendors);
    if (!vendors.includes(undefined)) {
      return { vendors: [...new Set(vendors.flatMap((found) => found ?? []))] };
    }
    if (looksLikeSize(part)) return { vramGib: parseMemory(part) };
    if (/^[\d.]+$/.test(part)) return { count: parseCount(part) };
  }
  return {
    models: [...new Set(items.map((item, index) => models[index] ?? checkName(item)))],
    statedVramGib: readStatedMemory(items, names),
  };
}

/** What the names say of their memory, like a bare memory: at least the smallest, and nothing unless all say it. */
function readStatedMemory(items: readonly string[], names: GpuNames): Pick<GpuRequest, "vramGib"> {
  const stated = items.map((item) => names.statedVramGib?.(item));
  const known = stated.filter((gib) => gib !== undefined);
  return known.length > 0 && known.length === stated.length
    ? { vramGib: { min: Math.min(...known) } }
    : {};
}

function looksLikeSize(part: string): boolean {
  return part.split("..").some((end) => /^\d+(?:\.\d+)?\s*[kmgtp](?:i?b)?$/i.test(end.trim()));
}

function checkName(name: string): string {
  if (/^[\p{L}\p{N}][\p{L}\p{N} ._+/()-]{1,63}$/u.test(name) && /\p{L}/u.test(name)) return name;
  throw unreadable(name, "a model, a memory size or a count", grammar);
}

function refuseAgain(text: string, part: string, again: PartKey, first: string): GpujobError {
  const what = { vendors: "vendor", models: "name", vramGib: "memory size", count: "count" }[again];
  const isVendorTypo = again === "models" && part !== first;
  const near = isVendorTypo ? didYouMean(first, vendorNames) : "";
  const next =
    near === ""
      ? `Separate several names with commas. ${grammar}`
      : `${quoteText(first)} is not a vendor.${near}`;
  return new GpujobError("usage", `${quoteText(text)} has a second ${what}: ${quoteText(part)}.`, {
    hint: next,
  });
}

/** Memory per card: a bare size means at least. */
function parseMemory(value: unknown): Range {
  return parseRange(value, { parse: parseSizeGib, bare: "at-least" });
}

/** Cards per node: a bare number means exactly so many. */
function parseCount(value: unknown): Range {
  const range = parseRange(value, { parse: readCount, bare: "exactly" });
  return range.min === undefined ? { min: 1, ...range } : range;
}

function readCount(text: string): number {
  const count = Number(text);
  if (count === 0) {
    throw unreadable(
      text,
      "a number of cards",
      "Leave `gpu` out for a machine without accelerators.",
    );
  }
  if (!/^\d+$/.test(text))
    throw unreadable(
      text,
      "a number of whole cards",
      "Write 8 for exactly 8, 2..4 for a range, or 4.. for at least 4.",
    );
  if (count <= mostCards) return count;
  const next = "If it is a model, write its full name, such as RTX4090.";
  throw unreadable(text, `a number of cards up to ${mostCards}`, next);
}

/** The map form of an accelerator request, as it comes out of the job file's schema. */
export interface GpuMap {
  readonly vendor?: string | readonly string[] | undefined;
  readonly name?: string | number | readonly (string | number)[] | undefined;
  readonly memory?: string | number | undefined;
  readonly count?: string | number | undefined;
  readonly totalMemory?: string | number | undefined;
  readonly computeCapability?: string | number | undefined;
}

/** Reads the map form. @throws `usage` that names the key. */
export function parseGpuMap(map: GpuMap, names: GpuNames): GpuRequest {
  const { vendor, name, memory, count, totalMemory, computeCapability } = map;
  const models = listOf(name).map(
    (item) => names.resolveName(String(item)) ?? checkName(String(item)),
  );
  return {
    ...(vendor === undefined
      ? {}
      : { vendors: [...new Set(listOf(vendor).flatMap(parseVendors))] }),
    ...(name === undefined ? {} : { models: [...new Set(models)] }),
    ...readStatedMemory(listOf(name).map(String), names),
    ...(memory === undefined ? {} : { vramGib: inKey("memory", () => parseMemory(memory)) }),
    count: count === undefined ? { min: 1, max: 1 } : inKey("count", () => parseCount(count)),
    ...(totalMemory === undefined
      ? {}
      : { totalVramGib: inKey("totalMemory", () => parseMemory(totalMemory)) }),
    ...(computeCapability === undefined
      ? {}
      : {
          computeCapability: inKey("computeCapability", () => parseCapability(computeCapability)),
        }),
  };
}

function parseCapability(value: unknown): Range {
  const parse = (text: string): number => {
    if (/^\d{1,2}(?:\.\d)?$/.test(text)) return Number(text);
    throw unreadable(text, "a compute capability", "Write it as 8.0, 8.0.. or 8.0..9.0.");
  };
  return parseRange(value, { parse, bare: "at-least" });
}

function listOf<T extends string | number>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return typeof value === "object" ? value : [value];
}

function inKey<T>(key: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!GpujobError.is(error)) throw error;
    const { message, hint } = error.failure;
    throw new GpujobError("usage", `${key}: ${message}`, hint === undefined ? {} : { hint });
  }
}

/** Acceptable accelerators, and whether their order outranks price. */
export interface GpuRequests {
  readonly gpus: readonly GpuRequest[];
  readonly isOrderedPreference: boolean;
}

/**
 * Reads the `gpu` key of a job file: one string, a map, or a list of them in order of preference.
 * @throws `usage` that says which part cannot be read, and for a list, which item.
 */
export function parseGpuRequests(
  value: string | number | GpuMap | readonly (string | number | GpuMap)[],
  names: GpuNames,
): GpuRequests {
  const one = (item: string | number | GpuMap): GpuRequest =>
    typeof item === "object" ? parseGpuMap(item, names) : parseGpuText(String(item), names);
  if (!isList(value)) return { gpus: [one(value)], isOrderedPreference: false };
  const gpus = value.map((item, index) => inKey(`item ${index + 1}`, () => one(item)));
  return { gpus, isOrderedPreference: gpus.length > 1 };
}

function isList(value: unknown): value is readonly (string | number | GpuMap)[] {
  return Array.isArray(value);
}
