import type { MemoryNeed, ModelNeed, ModelOptimizer, ModelPrecision, ModelUse } from "@gpujob/spec";
import type { ModelShape } from "./model-shape.ts";

/*
 * Bytes per parameter, token and layer. Sources:
 * [1] Rajbhandari et al., ZeRO, arXiv:1910.02054, section 3: 16 bits train with 2 bytes of weights, 2 of gradients and
 *     12 of AdamW (a 32-bit copy, momentum, variance); stage 3 spreads all of them over the cards.
 * [2] Korthikanti et al., arXiv:2205.05198: a layer keeps 34 · tokens · hidden bytes beside its attention scores, and
 *     2 · tokens · hidden when the rest is computed again.
 * [3] Kwon et al., PagedAttention, arXiv:2309.06180: keys and values of every layer and token, 2 bytes each.
 * [4] Hu et al., LoRA, arXiv:2106.09685: a matrix of a × b gets rank · (a + b) trained parameters.
 * [5] Dettmers et al., QLoRA, arXiv:2305.14314: 4 bits, and 0.127 for their scales; rank 64 on every linear layer.
 * [6] Dettmers et al., 8-bit optimizers, arXiv:2110.02861; Shazeer and Stern, Adafactor, arXiv:1804.04235.
 * Overheads are ours, set so that memory measured by the makers of Qwen comes out: see `model-need.test.ts`.
 */

const gib = 2 ** 30;

/** Rank of adapters [5]; a smaller one needs less. */
const adapterRank = 64;
/** What the driver, the libraries and their workspaces take on each card. */
const fixedBytes = gib;
/** What an allocator cannot use of its memory: more where a training makes and drops tensors of many sizes. */
const lostShare = { inference: 0.05, training: 0.08 } as const;
/** Long prompts are read in pieces of so many tokens. */
const tokensAtOnce = 8192;
/** Of each token and word: the scores in 16 bits, in 32, and their gradient. */
const scoreBytes = 2 + 4 + 4;
/** Python, a framework and its libraries on disk. */
const softwareBytes = 15 * gib;

/** Of the parameters in linear layers; `int4` has a 16-bit scale and a 4-bit zero for each 128. */
const weightBytes = {
  fp32: 4,
  bf16: 2,
  fp16: 2,
  fp8: 1,
  int8: 1,
  int4: (4 + 20 / 128) / 8,
} as const satisfies Record<ModelPrecision, number>;

/** Momentum and variance of a trained parameter [1, 6]; Adafactor keeps sums of rows and columns only. */
const stateBytes = {
  adamw: 8,
  "adamw-8bit": 2,
  adafactor: 0,
  sgd: 4,
} as const satisfies Record<ModelOptimizer, number>;

/** Memory of each card when a model is used on so many cards, all nodes together. More cards never need more of each. */
export function memoryOf(use: ModelUse, shape: ModelShape, cards: number): MemoryNeed {
  return use.task === "inference"
    ? inferenceMemory(use, shape, cards)
    : trainingMemory(use, shape, cards);
}

function inferenceMemory(use: ModelUse, shape: ModelShape, cards: number): MemoryNeed {
  const tokens = use.contextTokens * use.batch;
  const valueBytes = use.precision === "fp32" ? 4 : 2;
  return sumUp({
    weights: heldBytes(use, shape) / cards,
    gradients: 0,
    optimizer: 0,
    // What all cards have to see is on each of them.
    activations: layerBytes(use, shape, Math.min(tokens, tokensAtOnce)),
    kvCache: (tokens * shape.layers * shape.kvWidth * valueBytes) / Math.min(cards, shape.kvHeads),
    buffers: 0,
    lost: lostShare.inference,
  });
}

function trainingMemory(use: ModelUse, shape: ModelShape, cards: number): MemoryNeed {
  const tokens = use.contextTokens * use.batch;
  const trained = trainedOf(use, shape);
  const isWhole = use.task === "full";
  const wide = use.precision === "fp32" ? 4 : 2;
  const own = isWhole ? 0 : trained * 4;
  const kept = 2 * tokens * shape.hidden * shape.layers * (wide / 2);
  return sumUp({
    weights: (heldBytes(use, shape) + own) / cards,
    gradients: (trained * (isWhole ? wide : 4)) / cards,
    optimizer: optimizerBytes(use, shape) / cards,
    activations: kept + layerBytes(use, shape, tokens) + tokens * shape.vocabulary * scoreBytes,
    kvCache: 0,
    // One layer is gathered from all cards while the next is on its way.
    buffers: cards === 1 ? 0 : Math.min(2 / shape.layers, 1 / 2) * heldBytes(use, shape),
    lost: lostShare.training,
  });
}

/** The bytes of one card, by what they are for. */
interface Parts {
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly activations: number;
  readonly kvCache: number;
  readonly buffers: number;
  /** Share of all these. */
  readonly lost: number;
}

function sumUp({ lost, buffers, ...parts }: Parts): MemoryNeed {
  const known =
    parts.weights + parts.gradients + parts.optimizer + parts.activations + parts.kvCache + buffers;
  const overhead = buffers + fixedBytes + known * lost;
  return {
    weightsGib: parts.weights / gib,
    gradientsGib: parts.gradients / gib,
    optimizerGib: parts.optimizer / gib,
    activationsGib: parts.activations / gib,
    kvCacheGib: parts.kvCache / gib,
    overheadGib: overhead / gib,
    totalGib: (known - buffers + overhead) / gib,
  };
}

/** Words are looked up in tables that quantising leaves wide. */
function tableParams({ params, vocabulary, hidden, isTied }: ModelShape): number {
  return Math.min((isTied === true ? 1 : 2) * vocabulary * hidden, params / 2);
}

/** The weights of the model itself. Preparing a model of 4 bits for training widens its tables to 32 bits. */
function heldBytes(use: ModelUse, shape: ModelShape): number {
  const tables = tableParams(shape);
  const linear = shape.params - tables;
  if (use.task === "qlora") return tables * 4 + (linear * (4 + 0.127)) / 8;
  return tables * Math.max(2, weightBytes[use.precision]) + linear * weightBytes[use.precision];
}

/** What one layer works with, its attention computed piece by piece [2]. */
function layerBytes({ precision }: ModelUse, { hidden }: ModelShape, tokens: number): number {
  return 34 * tokens * hidden * (precision === "fp32" ? 2 : 1);
}

/** Sides of all matrices of a layer together [4]. Experts are left as they are. */
function sidesOf(shape: ModelShape): number {
  const { hidden, queryWidth = hidden, kvWidth, kvHeads, feedForward, hasExperts } = shape;
  const keys = kvHeads === 1 ? hidden : kvWidth / 2;
  const attention = 2 * (hidden + queryWidth) + 2 * (hidden + keys);
  return attention + (hasExperts === true ? 0 : 3 * (hidden + feedForward));
}

/** Parameters that are trained. */
function trainedOf(use: ModelUse, shape: ModelShape): number {
  if (use.task === "inference") return 0;
  return use.task === "full" ? shape.params : adapterRank * sidesOf(shape) * shape.layers;
}

function optimizerBytes(use: ModelUse, shape: ModelShape): number {
  const trained = trainedOf(use, shape);
  // Adapters are held in 32 bits themselves.
  const copy = use.task === "full" && use.precision !== "fp32" ? 4 : 0;
  const sums = use.optimizer === "adafactor" ? 4 * sidesOf(shape) * shape.layers : 0;
  return trained * (copy + stateBytes[use.optimizer]) + sums;
}

/** What a job needs when it runs on `cards` cards of each of `nodes` nodes. */
export function needOf(
  use: ModelUse,
  shape: ModelShape,
  place: { readonly cards: number; readonly nodes: number; readonly hasCheckpoint: boolean },
): ModelNeed {
  const cards = place.cards * place.nodes;
  const isWhole = use.task === "full";
  const across = isWhole ? "rdma" : "ethernet";
  const within = isWhole ? "nvlink" : "pcie";
  return {
    cards,
    perCard: memoryOf(use, shape, cards),
    link: place.cards === 1 ? "unknown" : within,
    fabric: place.nodes === 1 ? "none" : across,
    diskGib: Math.ceil(diskBytes(use, shape, place.hasCheckpoint) / gib),
  };
}

/** The download, what a training leaves behind, and software. With checkpoints two whole ones: the last and the next. */
function diskBytes(use: ModelUse, shape: ModelShape, hasCheckpoint: boolean): number {
  const isTraining = use.task !== "inference";
  const wide = use.precision === "fp32" ? 4 : 2;
  // Adapters on quantised weights quantise them as they are read.
  const download = isTraining ? shape.params * wide : heldBytes(use, shape);
  const result = trainedOf(use, shape) * wide;
  const checkpoint = result + optimizerBytes(use, shape);
  return softwareBytes + download + (isTraining && hasCheckpoint ? 2 * checkpoint : result);
}
