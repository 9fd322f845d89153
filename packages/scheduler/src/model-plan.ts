import type { JobSpec, ModelPlan, ModelUse } from "@gpujob/spec";
import { findAlternatives } from "./model-alternatives.ts";
import { findContradictions } from "./model-fit.ts";
import { memoryOf, needOf } from "./model-need.ts";
import { type ModelShape, shapeOf } from "./model-shape.ts";
import type { PricedOffer } from "./priced-offer.ts";
import { countOf } from "./text.ts";

/** What a plan says of a job's model, given the offers that fit, the first candidate first. */
export function planModel(
  market: Parameters<typeof findAlternatives>[0],
  fitting: readonly PricedOffer[],
): ModelPlan | undefined {
  const { job } = market;
  const { model, checkpoint } = job;
  const { nodes } = job.resources;
  const shape = model === undefined ? undefined : shapeOf(model);
  if (model === undefined || shape === undefined) return undefined;
  const gpu = fitting[0]?.offer.gpu;
  const cards = gpu?.count ?? fewestCards(job);
  const need = needOf(model, shape, { cards, nodes, hasCheckpoint: checkpoint !== undefined });
  return {
    use: model,
    params: shape.params,
    need,
    perCardByCount: [1, 2, 4, 8].map((count) => ({
      cards: count,
      needGib: memoryOf(model, shape, count * nodes).totalGib,
    })),
    ...(gpu === undefined ? {} : { headroomGib: gpu.vramGib - need.perCard.totalGib }),
    assumptions: assumptionsOf(model, shape, need.cards),
    contradictions: findContradictions(job),
    alternatives: findAlternatives(market, fitting),
  };
}

function fewestCards({ resources }: JobSpec): number {
  const counts = resources.gpus.map(({ count }) => count.min ?? 1);
  return counts.length === 0 ? 1 : Math.min(...counts);
}

function assumptionsOf(use: ModelUse, shape: ModelShape, cards: number): readonly string[] {
  const isTraining = use.task !== "inference";
  return [
    shape.isKnown
      ? `The published shape of ${use.name ?? ""}: ${countOf(shape.layers, "layer")} of ${shape.hidden}.`
      : "The shape of a usual model of this size: a model.name of the catalogue is more exact.",
    ...(isTraining
      ? ["Layers are computed again on the way back (gradient checkpointing), attention in pieces."]
      : ["Keys and values are kept in 16 bits; long prompts are read in pieces of 8192 tokens."]),
    ...(use.task === "lora" || use.task === "qlora"
      ? ["Adapters of rank 64 are on every linear layer."]
      : []),
    ...(cards === 1
      ? []
      : [
          isTraining
            ? "All that is held is spread over all cards (ZeRO stage 3, FSDP)."
            : "The weights are spread over all cards (tensor parallelism).",
        ]),
  ];
}
