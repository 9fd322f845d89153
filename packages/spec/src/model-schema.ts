import { z } from "zod";
import { GpujobError } from "./errors.ts";
import { modelOptimizers, modelPrecisions, modelTasks, type ModelUse } from "./model.ts";
import { splitQuantity, unreadable } from "./quantity.ts";
import { convert, readWith } from "./unit-schema.ts";

const scales: ReadonlyMap<string, number> = new Map([
  ["m", 1e6],
  ["b", 1e9],
  ["t", 1e12],
]);

/** Reads a number of parameters such as `7B`, `350M` or `1T`. @throws `usage`. */
function parseParams(value: unknown): number {
  const next = "Write it as 350M, 7B, 1.5B or 1T.";
  const quantity = typeof value === "string" ? splitQuantity(value) : undefined;
  const scale = scales.get(quantity?.unit.toLowerCase() ?? "");
  if (quantity === undefined || scale === undefined || quantity.amount === 0) {
    throw unreadable(value, "a number of parameters", next);
  }
  const params = quantity.amount * scale;
  if (params >= 1e6 && params <= 1e14) return params;
  throw unreadable(value, "a number of parameters between 1M and 100T", next);
}

/** Reads a number of tokens such as `4096` or `32k` (1024 each). @throws `usage`. */
function parseTokens(value: unknown): number {
  const quantity =
    typeof value === "string" || typeof value === "number"
      ? splitQuantity(String(value))
      : undefined;
  const scale = new Map([
    ["", 1],
    ["k", 1024],
    ["m", 1024 * 1024],
  ]).get(quantity?.unit.toLowerCase() ?? "none");
  const tokens = quantity && scale ? quantity.amount * scale : 0;
  if (Number.isInteger(tokens) && tokens >= 1 && tokens <= 1e8) return tokens;
  throw unreadable(value, "a number of tokens", "Write it as 4096 or 32k.");
}

function checkModelName(name: string): string {
  if (/^[\w][\w./:+-]{0,99}$/.test(name)) return name;
  throw unreadable(name, "a model's name", "Write it as Qwen2.5-7B or meta-llama/Llama-3.1-8B.");
}

/** The `model` key of a job file; every key is optional here, what belongs together is checked later. */
export const modelSchema = () =>
  z.strictObject({
    name: convert(z.string(), checkModelName)
      .meta({
        description: "A model of the catalogue, such as Qwen2.5-7B; its maker may stand before it.",
      })
      .exactOptional(),
    params: readWith(parseParams, {
      description: "Parameters, where the catalogue does not know the model.",
      examples: ["7B", "350M"],
    }).exactOptional(),
    task: z
      .enum(modelTasks)
      .meta({ description: "What is done with it, default inference." })
      .exactOptional(),
    precision: z
      .enum(modelPrecisions)
      .meta({ description: "How the weights are held, default bf16; qlora always int4." })
      .exactOptional(),
    context: readWith(parseTokens, {
      description: "Tokens of one sequence, default 2048; 32k is 32768.",
      examples: [4096, "32k"],
      type: ["integer", "string"],
    }).exactOptional(),
    batch: z
      .int()
      .min(1)
      .max(1_000_000)
      .meta({
        description: "Sequences at once, default 1: all of them for inference, of each card else.",
      })
      .exactOptional(),
    optimizer: z
      .enum(modelOptimizers)
      .meta({ description: "Of a training, default adamw." })
      .exactOptional(),
  });

/** The `model` key as its schema gives it. */
type ModelValues = z.output<ReturnType<typeof modelSchema>>;

/** What a use of a model is where the job does not say. */
const modelDefaults = {
  task: "inference",
  precision: "bf16",
  contextTokens: 2048,
  batch: 1,
  optimizer: "adamw",
} as const;

/** Fills in the defaults. */
export function toModelUse(values: ModelValues): ModelUse {
  const task = values.task ?? modelDefaults.task;
  return {
    ...(values.name === undefined ? {} : { name: values.name }),
    ...(values.params === undefined ? {} : { params: values.params }),
    task,
    precision: values.precision ?? (task === "qlora" ? "int4" : modelDefaults.precision),
    contextTokens: values.context ?? modelDefaults.contextTokens,
    batch: values.batch ?? modelDefaults.batch,
    optimizer: values.optimizer ?? modelDefaults.optimizer,
  };
}

/** What does not go together in a `model` key: the key it is about, and what to change. */
export function checkModel(
  values: ModelValues,
): readonly { readonly path: readonly string[]; readonly message: string }[] {
  const { name, params, precision, optimizer } = values;
  const task = values.task ?? modelDefaults.task;
  const problems: { path: readonly string[]; message: string }[] = [];
  if (name === undefined && params === undefined) {
    problems.push({ path: [], message: "Which model? Add `params: 7B`, or a `name`." });
  }
  if (task === "inference" && optimizer !== undefined) {
    problems.push({
      path: ["optimizer"],
      message: "Inference has none. Remove it, or write `task: lora`, qlora or full.",
    });
  }
  const isWide = precision === undefined || ["fp32", "bf16", "fp16"].includes(precision);
  if (task === "full" && !isWide) {
    problems.push({
      path: ["precision"],
      message: "All parameters are trained in bf16, fp16 or fp32. Write `task: qlora` for int4.",
    });
  }
  if (task === "lora" && precision === "int4") {
    problems.push({
      path: ["precision"],
      message: "Adapters on weights of 4 bits are `task: qlora`. Write that.",
    });
  }
  if (task === "qlora" && precision !== undefined && precision !== "int4") {
    problems.push({
      path: ["precision"],
      message: "qlora holds the weights in int4. Remove it, or write `task: lora`.",
    });
  }
  return problems;
}

/** Raised for a model that the catalogue does not know and whose size is not said either. */
export function unknownModel(name: string, hint: string): GpujobError {
  return new GpujobError("spec_invalid", `model.name: ${name} is no model that gpujob knows.`, {
    hint,
  });
}
