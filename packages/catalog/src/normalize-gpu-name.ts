import type { GpuVendor } from "@gpujob/spec";
import { chineseWords, emptyWords, vendorWords } from "./gpu-words.ts";
import type { GpuModel, GpuVariant } from "./model.ts";
import { listGpuModels } from "./models.ts";

/** What a platform's name of a card means. */
export interface GpuName {
  readonly vendor: GpuVendor;
  /** The catalogue's id. */
  readonly model: string;
  readonly variant?: string;
  /** GiB of one card: as the name says, else the only size sold; absent when the name leaves it open. */
  readonly vramGib?: number;
}

interface Match {
  readonly model: GpuModel;
  readonly variant?: GpuVariant;
}

interface Words {
  readonly vendor?: GpuVendor;
  readonly vramGib?: number;
  readonly words: readonly string[];
}

/**
 * Reads a name as platforms, drivers and people write it: any case, with or without the maker, the form factor and the
 * memory (`A100-SXM4-80GB`, `NVIDIA A100 80GB PCIe`, `4090_48G`). A slice of a card, an unknown card and a name whose
 * maker contradicts its model give `undefined`.
 */
export function normalizeGpuName(text: string): GpuName | undefined {
  const found = readName(text);
  if (found === undefined) return undefined;
  const { model, variant } = found.match;
  const sizes = variant?.vramGib ?? model.vramGib;
  const usual = sizes.length === 1 ? sizes[0] : undefined;
  const memory = found.isStated ? found.vramGib : usual;
  return {
    vendor: model.vendor,
    model: model.id,
    ...(variant === undefined ? {} : { variant: variant.name }),
    ...(memory === undefined ? {} : { vramGib: memory }),
  };
}

/** GiB of one card that a name itself says, such as 80 for `A100-SXM4-80GB`; `undefined` where it says none. */
export function statedVramGib(text: string): number | undefined {
  return readName(text)?.vramGib;
}

/** The model id for a name in a job file, or `undefined` if the catalogue has no such card. */
export function resolveGpuName(text: string): string | undefined {
  return normalizeGpuName(text)?.model;
}

interface ReadName {
  readonly match: Match;
  /** Does the name say a memory size, be it the card's or another's? */
  readonly isStated: boolean;
  /** The card's, as the name says. */
  readonly vramGib?: number;
}

function readName(text: string): ReadName | undefined {
  const { vendor, vramGib, words } = readWords(text);
  const found = findMatch(words, vendor);
  if (found === undefined || (vendor !== undefined && vendor !== found.match.model.vendor)) {
    return undefined;
  }
  const stated = vramGib ?? found.vramGib;
  if (stated === undefined) return { match: found.match, isStated: false };
  const isOwn = isCardMemory(found.match.model, stated);
  return { match: found.match, isStated: true, ...(isOwn ? { vramGib: stated } : {}) };
}

/** A figure far above any size is not the card's own memory, as in "GH200 480GB". */
function isCardMemory({ vramGib, modifiedVramGib = [] }: GpuModel, stated: number): boolean {
  const known = [...vramGib, ...modifiedVramGib];
  return known.length === 0 || stated <= Math.max(...known) * 1.1;
}

const memoryWord = /^(\d+(?:\.\d+)?)(mib|mb|gib|gb|g)$/;

function readWords(text: string): Words {
  let vendor: GpuVendor | undefined;
  let vramGib: number | undefined;
  const words: string[] = [];
  for (const word of splitWords(text)) {
    const memory = memoryWord.exec(word);
    if (memory?.[1] !== undefined) {
      vramGib = Number(memory[1]) / (memory[2]?.startsWith("m") ? 1024 : 1);
    } else if (Object.hasOwn(vendorWords, word)) {
      vendor = vendorWords[word] ?? vendor;
    } else words.push(word);
  }
  return {
    words,
    ...(vendor === undefined ? {} : { vendor }),
    ...(vramGib === undefined ? {} : { vramGib }),
  };
}

/** As in "8x H100" and "MLU370-X8 v1.1.6". */
const countOrVersion = /^(?:\d+x|v\d+(?:\.\d+)+)$/;

function splitWords(text: string): readonly string[] {
  let lower = text.normalize("NFKC").toLowerCase();
  for (const [name, word] of chineseWords) lower = lower.replaceAll(name, word);
  return lower
    .replace(/moore[ _-]threads/, "moorethreads")
    .replace(/t-head/, "thead")
    .replace(/(\d) +(mib|mb|gib|gb)\b/g, "$1$2")
    .split(/[^a-z0-9.]+/)
    .filter((word) => word !== "" && !countOrVersion.test(word));
}

/** Words of a form factor may stand anywhere; the rest, run together, must be a name. */
function findMatch(
  words: readonly string[],
  vendor: GpuVendor | undefined,
): { readonly match: Match; readonly vramGib?: number } | undefined {
  if (words.includes("mig") || words.some((word) => word.startsWith("vgpu"))) return undefined;
  const exact = lookUp(words.join(""), vendor);
  if (exact) return { match: exact };
  for (let end = words.length - 1; end > 0; end--) {
    const base = lookUp(words.slice(0, end).join(""), vendor);
    if (base === undefined) continue;
    const rest = readRest(base, words.slice(end));
    if (rest) return rest;
  }
  return undefined;
}

/** The words after a model's name must all be understood, else it is another card. */
function readRest(
  base: Match,
  rest: readonly string[],
): { readonly match: Match; readonly vramGib?: number } | undefined {
  let { variant } = base;
  let vramGib: number | undefined;
  const known = [...base.model.vramGib, ...(base.model.modifiedVramGib ?? [])];
  const joined = findVariant(base.model, rest.join(""));
  if (joined) return { match: { model: base.model, variant: joined } };
  for (const word of rest) {
    const named = findVariant(base.model, word);
    if (named) variant = named;
    else if (known.includes(Number(word))) vramGib = Number(word);
    else if (!emptyWords.has(word)) return undefined;
  }
  return {
    match: { model: base.model, ...(variant === undefined ? {} : { variant }) },
    ...(vramGib === undefined ? {} : { vramGib }),
  };
}

function findVariant(model: GpuModel, word: string): GpuVariant | undefined {
  return model.variants?.find(
    (variant) =>
      compact(variant.name) === word ||
      variant.aliases?.includes(word) === true ||
      (word === "sxm" && variant.name.startsWith("SXM")),
  );
}

const gluedVendor = new RegExp(`^(?:${Object.keys(vendorWords).join("|")})(?=.)`);
const gluedVariant = /^(.+?)(sxm\d?|pcie|nvl|oam)$/;

function lookUp(key: string, vendor: GpuVendor | undefined): Match | undefined {
  if (key === "") return undefined;
  const names = nameIndex;
  const direct = (vendor && names.get(`${compact(vendor)}${key}`)) ?? names.get(key);
  if (direct) return direct;
  const [, base, form] = gluedVariant.exec(key) ?? [];
  const model = base === undefined ? undefined : names.get(base)?.model;
  const variant = model && form !== undefined ? findVariant(model, form) : undefined;
  if (model && variant) return { model, variant };
  const bare = key.replace(gluedVendor, "");
  return bare === key ? undefined : lookUp(bare, vendor);
}

/** Lower case without anything but letters and digits. */
function compact(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "");
}

const nameIndex: ReadonlyMap<string, Match> = indexNames(listGpuModels());

function indexNames(models: readonly GpuModel[]): ReadonlyMap<string, Match> {
  const names = new Map<string, Match>();
  for (const model of models) {
    for (const name of [compact(model.id), ...(model.aliases ?? [])]) names.set(name, { model });
    for (const variant of model.variants ?? []) {
      // An Ascend chip's name is both the variant's and a name of its own.
      const own = [compact(variant.name), ...(variant.aliases ?? [])];
      for (const name of own.filter((word) => /^(?:\d{3}[a-z]|snt|biren)/.test(word))) {
        names.set(name, { model, variant });
      }
      for (const word of own) names.set(`${compact(model.id)}${word}`, { model, variant });
    }
  }
  return names;
}
