import { z } from "zod";
import { type GpuNames, type GpuRequests, parseGpuMap, parseGpuText } from "./gpu.ts";
import { convert, texts } from "./unit-schema.ts";

/** The `gpu` key: a string, a number that is a model, a map, or a list of them in order of preference. */
export function gpuSchema(names: GpuNames): z.ZodType<GpuRequests> {
  const text = z.union([z.string(), z.number()]);
  const models = z.union([text, z.array(text)]);
  const map = z.strictObject({
    vendor: texts("Maker of the card; domestic is all Chinese makers.").exactOptional(),
    name: models.meta({ description: "Model, or a list of models." }).exactOptional(),
    memory: text.meta({ description: "Per card; 24GB means at least." }).exactOptional(),
    count: text.meta({ description: "Cards per node; 2 means exactly." }).exactOptional(),
    totalMemory: text.meta({ description: "Of all cards of a node." }).exactOptional(),
    computeCapability: text.meta({ description: "NVIDIA only, such as 8.0." }).exactOptional(),
  });
  const one = convert(z.union([text, map]), (value) =>
    typeof value === "object" ? parseGpuMap(value, names) : parseGpuText(String(value), names),
  );
  return z
    .union([one, z.array(one).min(1)])
    .transform((value) =>
      Array.isArray(value)
        ? { gpus: value, isOrderedPreference: value.length > 1 }
        : { gpus: [value], isOrderedPreference: false },
    )
    .meta({
      description:
        "Accelerators of each node: [vendor:][name,…][:memory][:count]; a list is an order of preference; " +
        "or a map with vendor, name, memory, count, totalMemory, computeCapability.",
      examples: ["A100,H100:80GB:1", "RTX4090:2", "nvidia:24GB..", ["H100:80GB", "A100:80GB"]],
    });
}
