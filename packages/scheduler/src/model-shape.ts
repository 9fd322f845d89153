import { findLanguageModel, type LanguageModel } from "@gpujob/catalog";
import type { ModelUse } from "@gpujob/spec";

/** The measures of a model that its memory follows from. */
export type ModelShape = Omit<LanguageModel, "id" | "source" | "observedAt"> & {
  readonly isKnown: boolean;
};

/** Layers and width of usual models by their size; both grow with it, so that a larger model never needs less. */
const usual = [
  { params: 0.5e9, layers: 24, hidden: 1024 },
  { params: 1.5e9, layers: 26, hidden: 1536 },
  { params: 3e9, layers: 28, hidden: 2560 },
  { params: 7e9, layers: 32, hidden: 4096 },
  { params: 13e9, layers: 40, hidden: 5120 },
  { params: 33e9, layers: 60, hidden: 6656 },
  { params: 70e9, layers: 80, hidden: 8192 },
  { params: 175e9, layers: 96, hidden: 12_288 },
  { params: 405e9, layers: 126, hidden: 16_384 },
  { params: 1e14, layers: 400, hidden: 140_000 },
] as const;

/** Eight heads of 128 keep keys and values, and 128,000 words are known, as in most models since 2024. */
const usualKvHeads = 8;
const usualKvWidth = 2 * usualKvHeads * 128;
const usualVocabulary = 128_000;

/**
 * The shape of the model that a job uses: of the catalogue where it knows the name, else that of a usual model with so
 * many parameters. `params` beside a known name outranks its number of parameters. `undefined` where neither is known.
 */
export function shapeOf({
  name,
  params,
}: Pick<ModelUse, "name" | "params">): ModelShape | undefined {
  const known = name === undefined ? undefined : findLanguageModel(name);
  if (known !== undefined) {
    const { id: _id, source: _source, observedAt: _observedAt, ...facts } = known;
    return { ...facts, params: params ?? facts.params, isKnown: true };
  }
  return params === undefined ? undefined : usualShape(params);
}

function usualShape(params: number): ModelShape {
  const { layers, hidden } = interpolate(params);
  return {
    params,
    layers,
    hidden,
    kvWidth: Math.min(usualKvWidth, 2 * hidden),
    kvHeads: usualKvHeads,
    feedForward: 3.5 * hidden,
    vocabulary: usualVocabulary,
    isKnown: false,
  };
}

/** Between two usual sizes both measures grow evenly on a logarithmic scale. */
function interpolate(params: number): { readonly layers: number; readonly hidden: number } {
  const [first, second] = usual;
  const at = usual.findIndex((one) => one.params >= params);
  const above = (at > 0 ? usual[at] : undefined) ?? second;
  const below = (at > 0 ? usual[at - 1] : undefined) ?? first;
  const part = Math.log(params / below.params) / Math.log(above.params / below.params);
  return {
    layers: below.layers * (above.layers / below.layers) ** part,
    hidden: below.hidden * (above.hidden / below.hidden) ** part,
  };
}
