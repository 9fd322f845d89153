import type { Interconnect } from "./adapter.ts";
import type { Money } from "./money.ts";

/** What is done with a language model. */
export const modelTasks = ["inference", "lora", "qlora", "full"] as const;
export type ModelTask = (typeof modelTasks)[number];

/** How the weights are held. */
export const modelPrecisions = ["fp32", "bf16", "fp16", "fp8", "int8", "int4"] as const;
export type ModelPrecision = (typeof modelPrecisions)[number];

/** What the training keeps of each trained parameter. */
export const modelOptimizers = ["adamw", "adamw-8bit", "adafactor", "sgd"] as const;
export type ModelOptimizer = (typeof modelOptimizers)[number];

/** The `model` key of a job, defaults filled in: what the job does with which model. */
export interface ModelUse {
  /** As written; the catalogue may know it. At least one of `name` and `params` is there. */
  readonly name?: string;
  /** Number of parameters. */
  readonly params?: number;
  readonly task: ModelTask;
  readonly precision: ModelPrecision;
  /** Tokens of one sequence, prompt and answer together. */
  readonly contextTokens: number;
  /** Sequences at once: of the whole service for inference, of each card for training. */
  readonly batch: number;
  readonly optimizer: ModelOptimizer;
}

/** Memory of one card, in GiB. The total is the sum of the parts. */
export interface MemoryNeed {
  readonly weightsGib: number;
  readonly gradientsGib: number;
  readonly optimizerGib: number;
  readonly activationsGib: number;
  readonly kvCacheGib: number;
  /** The driver's share, buffers, and what the allocator cannot use. */
  readonly overheadGib: number;
  readonly totalGib: number;
}

/** What a job needs for its model when it runs on so many cards. */
export interface ModelNeed {
  /** All nodes together. */
  readonly cards: number;
  readonly perCard: MemoryNeed;
  /** Advised between the cards of a node; `unknown` where there is one card. Not demanded. */
  readonly link: Extract<Interconnect, "pcie" | "nvlink" | "unknown">;
  /** Advised between nodes; not demanded. */
  readonly fabric: "none" | "ethernet" | "rdma";
  /** Of each node: the download, what is saved, and software. */
  readonly diskGib: number;
}

/** Another way to use the model, and the cheapest offer that it would fit. */
export interface ModelAlternative {
  readonly kind: "quantise" | "smaller-batch" | "more-cards";
  /** What to write, such as `model.precision: int8`. */
  readonly change: string;
  readonly cards: number;
  readonly needGib: number;
  readonly platform: string;
  readonly offerId: string;
  /** For the same expected time. */
  readonly totalPrice: Money;
  /** Against the first candidate; absent where nothing fits as the job stands. */
  readonly saves?: Money;
}

/** What a plan says of a job's model. */
export interface ModelPlan {
  readonly use: ModelUse;
  /** Parameters that were counted with. */
  readonly params: number;
  /** On the first candidate; where nothing fits, on one card of each node. */
  readonly need: ModelNeed;
  /** Memory per card in GiB on other numbers of cards of each node. */
  readonly perCardByCount: readonly { readonly cards: number; readonly needGib: number }[];
  /** What the first candidate's card has beyond the need, in GiB. */
  readonly headroomGib?: number;
  /** What was taken for granted, one sentence each. */
  readonly assumptions: readonly string[];
  /** Where the job's own words and the model disagree, one sentence each. */
  readonly contradictions: readonly string[];
  readonly alternatives: readonly ModelAlternative[];
}
