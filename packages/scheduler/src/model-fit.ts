import { findGpuModel } from "@gpujob/catalog";
import type { GpuRequest, JobSpec } from "@gpujob/spec";
import { memoryOf, needOf } from "./model-need.ts";
import { shapeOf } from "./model-shape.ts";
import { formatNumber } from "./text.ts";

/** GiB that each card must have when every node has so many. More cards never need more of each. */
export type ModelFit = (cards: number) => number;

/** What a job's model demands of cards; `undefined` where it names none, or one of unknown size. */
export function compileModelFit({ model, resources }: JobSpec): ModelFit | undefined {
  const shape = model === undefined ? undefined : shapeOf(model);
  if (model === undefined || shape === undefined) return undefined;
  const known = new Map<number, number>();
  return (cards) => {
    const found = known.get(cards);
    if (found !== undefined) return found;
    const need = memoryOf(model, shape, cards * resources.nodes).totalGib;
    known.set(cards, need);
    return need;
  };
}

/** GiB of disk that a job's model needs on each node; `undefined` where it names none, or one of unknown size. */
export function modelDiskGib({ model, resources, checkpoint }: JobSpec): number | undefined {
  const shape = model === undefined ? undefined : shapeOf(model);
  if (model === undefined || shape === undefined) return undefined;
  const place = { cards: 1, nodes: resources.nodes, hasCheckpoint: checkpoint !== undefined };
  return needOf(model, shape, place).diskGib;
}

/** Where what a job asks for and what its model needs disagree, one sentence each. */
export function findContradictions(job: JobSpec): readonly string[] {
  const fit = compileModelFit(job);
  if (fit === undefined) return [];
  const wanted = job.resources.diskGib?.min;
  const disk = modelDiskGib(job);
  return [
    ...job.resources.gpus.flatMap((request) => contradictionOf(request, fit)),
    ...(wanted !== undefined && disk !== undefined && wanted < disk
      ? [
          `resources.disk asks for ${formatNumber(wanted)} GiB, the model may need ${disk}: ${formatNumber(wanted)} holds.`,
        ]
      : []),
  ];
}

/** More than any machine has. */
const mostCards = 128;

function contradictionOf(request: GpuRequest, fit: ModelFit): readonly string[] {
  const cards = request.count.max ?? mostCards;
  const need = fit(cards);
  const largest = largestCard(request);
  const needed = `the model needs ${formatNumber(need)} GiB${cards === 1 ? " on one" : ` on each of ${cards}`}`;
  if (largest !== undefined && largest < need) {
    return [
      `resources.gpu allows ${formatNumber(largest)} GiB per card at most, ${needed}: no offer can fit.`,
    ];
  }
  const least = request.vramGib?.min;
  if (least === undefined || least >= need) return [];
  return [
    `resources.gpu asks for ${formatNumber(least)} GiB per card, ${needed}: the larger holds.`,
  ];
}

/** The most memory that a card of this request can have, as far as it is known. */
function largestCard({ vramGib, models = [] }: GpuRequest): number | undefined {
  const sizes = models.map((id) => {
    const facts = findGpuModel(id);
    const all = [...(facts?.vramGib ?? []), ...(facts?.modifiedVramGib ?? [])];
    return all.length === 0 ? Infinity : Math.max(...all);
  });
  const most = Math.min(
    vramGib?.max ?? Infinity,
    sizes.length === 0 ? Infinity : Math.max(...sizes),
  );
  return most === Infinity ? undefined : most;
}
