import { formatMoney } from "@gpujob/spec";
import type {
  MemoryNeed,
  ModelAlternative,
  ModelPlan,
  ModelUse,
  PlanCandidate,
} from "@gpujob/spec";
import { paint } from "./style.ts";
import { tame, wrap } from "./text.ts";
import type { View } from "./view.ts";

/** A card may show so much less than it is sold with, and an estimate be so far off. */
const tightShare = 0.1;

/** What a job needs for its model, what is left of the first candidate's card, and what would be cheaper. */
export function renderModel(
  model: ModelPlan | undefined,
  best: PlanCandidate | undefined,
  view: View,
  isExplained: boolean,
): readonly string[] {
  if (model === undefined) return [];
  const { need, perCardByCount, assumptions, contradictions, alternatives } = model;
  const nodes = need.cards / (best?.gpu?.count ?? need.cards);
  const lines = [
    `Model: ${describeUse(model.use, model.params)}.`,
    `Needs ${describeParts(need.perCard)} ${need.cards === 1 ? "on one card" : `on each of ${need.cards} cards`}.`,
    ...sayRoom(model, best),
    `By number of cards${nodes > 1 ? " of each node" : ""}: ${perCardByCount
      .map(({ cards, needGib }) => `${cards} × ${gib(needGib)}`)
      .join(", ")}. ${[`Disk ${need.diskGib} GiB`, ...sayLinks(model)].join("; ")}.`,
    ...(isExplained ? assumptions : assumptions.slice(0, 1)),
    ...alternatives.map(sayAlternative),
  ];
  return [
    ...lines.flatMap((line) => wrap(tame(line), view.columns, "  ")),
    ...contradictions.flatMap((line) =>
      wrap(`Contradiction: ${tame(line)}`, view.columns, "  ").map((part) =>
        paint(part, "warn", view),
      ),
    ),
  ];
}

function gib(value: number): string {
  return `${value.toFixed(1)} GiB`;
}

function describeUse(use: ModelUse, params: number): string {
  const billions = Number((params / 1e9).toPrecision(3));
  const size = billions >= 1 ? `${billions}B` : `${Number((params / 1e6).toPrecision(3))}M`;
  return [
    use.name === undefined ? size : `${use.name} (${size})`,
    `${use.task} in ${use.precision}`,
    `context ${use.contextTokens}`,
    `batch ${use.batch}`,
    ...(use.task === "inference" ? [] : [use.optimizer]),
  ].join(", ");
}

function describeParts(need: MemoryNeed): string {
  const parts: readonly (readonly [string, number])[] = [
    ["weights", need.weightsGib],
    ["gradients", need.gradientsGib],
    ["optimizer", need.optimizerGib],
    ["activations", need.activationsGib],
    ["KV cache", need.kvCacheGib],
    ["overhead", need.overheadGib],
  ];
  const shown = parts.filter(([, value]) => value > 0);
  return `${shown.map(([name, value]) => `${name} ${value.toFixed(1)}`).join(" + ")} = ${gib(need.totalGib)}`;
}

function sayRoom({ headroomGib }: ModelPlan, best: PlanCandidate | undefined): readonly string[] {
  if (headroomGib === undefined || best?.gpu === undefined) return [];
  const { vramGib, model } = best.gpu;
  const share = headroomGib / vramGib;
  const tight = share < tightShare ? ", which is tight" : "";
  return [
    `#1 has ${vramGib} GiB per card (${model}): ${gib(headroomGib)} (${Math.round(share * 100)} %) left${tight}.`,
  ];
}

function sayLinks({ need }: ModelPlan): readonly string[] {
  return [
    ...(need.link === "nvlink" ? ["NVLink between the cards advised"] : []),
    ...(need.fabric === "rdma" ? ["RDMA between the nodes advised"] : []),
  ];
}

function sayAlternative(one: ModelAlternative): string {
  const { change, cards, needGib, platform, offerId, totalPrice, saves } = one;
  const each = cards === 1 ? gib(needGib) : `${gib(needGib)} on each of ${cards} cards`;
  const less = saves === undefined ? "" : `, ${formatMoney(saves)} less`;
  const start = saves === undefined ? "Would fit" : "Cheaper";
  return `${start} with ${change}: ${each}, ${platform} ${offerId} for ${formatMoney(totalPrice)}${less}.`;
}
