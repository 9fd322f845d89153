import { amdAndIntel } from "./amd-and-intel.ts";
import { domestic } from "./domestic.ts";
import type { GpuModel } from "./model.ts";
import { nvidiaConsumer } from "./nvidia-consumer.ts";
import { nvidiaDataCenter } from "./nvidia-data-center.ts";
import { nvidiaWorkstation } from "./nvidia-workstation.ts";

const families = [
  nvidiaDataCenter,
  nvidiaWorkstation,
  nvidiaConsumer,
  ...amdAndIntel,
  ...domestic,
] as const;

const models: readonly GpuModel[] = families.flatMap((family) =>
  family.models.map((facts) => ({
    ...facts,
    vendor: family.vendor,
    source: family.source,
    observedAt: family.observedAt,
  })),
);

const byId: ReadonlyMap<string, GpuModel> = new Map(models.map((model) => [model.id, model]));

/** Every model the catalogue knows, newest first within a family. */
export function listGpuModels(): readonly GpuModel[] {
  return models;
}

/** The facts of one model by its exact id, or `undefined` for an id that is not in the catalogue. */
export function findGpuModel(id: string): GpuModel | undefined {
  return byId.get(id);
}
