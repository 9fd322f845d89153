import { assert, constantFrom, double, integer, property, record } from "fast-check";
import type { ModelPrecision, ModelTask, ModelUse } from "@gpujob/spec";
import { describe, it } from "vitest";
import { memoryOf, needOf } from "./model-need.ts";
import { shapeOf } from "./model-shape.ts";

const bf16Inference: ModelUse = {
  task: "inference",
  precision: "bf16",
  contextTokens: 2048,
  batch: 1,
  optimizer: "adamw",
};

function totalGib(change: Partial<ModelUse>, cards = 1): number {
  const use = { ...bf16Inference, ...change };
  const shape = shapeOf(use);
  if (shape === undefined) throw new Error(`nothing is known of ${use.name}`);
  return memoryOf(use, shape, cards).totalGib;
}

/** The smallest card that is sold and holds a need. */
function smallestCard(gib: number): number {
  return [8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 141].find((size) => gib <= size) ?? 999;
}

describe("the article's table", () => {
  // It gives a range from the leanest usual way to the widest; 8 bits are meant where 16 cannot be.
  it.for([
    ["inference of 7B: 8 to 16 GB", { params: 7e9 }, ["int4", "bf16"], 8, 16],
    ["inference of 13B: 24 GB", { params: 13e9 }, ["int8", "int8"], 16, 24],
    ["inference of 70B: 80 GB", { params: 70e9 }, ["int8", "int8"], 80, 80],
    ["LoRA of 7B: 16 to 24 GB", { params: 7e9, task: "lora" }, ["int8", "bf16"], 16, 24],
    ["LoRA of 13B: 30 to 40 GB", { params: 13e9, task: "lora" }, ["bf16", "bf16"], 32, 40],
  ] as const)("holds for %s", ([, use, [lean, wide], from, to], { expect }) => {
    expect(smallestCard(totalGib({ ...use, precision: lean }))).toBeGreaterThanOrEqual(from);
    expect(smallestCard(totalGib({ ...use, precision: wide }))).toBeLessThanOrEqual(to);
  });

  it("holds for full training: more than one card of 80 GB", ({ expect }) => {
    expect(totalGib({ params: 7e9, task: "full" })).toBeGreaterThan(80);
    expect(totalGib({ params: 7e9, task: "full" }, 2)).toBeLessThan(80);
    expect(totalGib({ params: 3e9, task: "full" })).toBeLessThan(80);
  });

  it("is not met in 16 bits by 13B on 24 GB and 70B on 80 GB, as it cannot be", ({ expect }) => {
    expect(smallestCard(totalGib({ params: 13e9 }))).toBe(32);
    expect(totalGib({ params: 70e9 })).toBeGreaterThan(80);
  });
});

/** GB as measured by its makers on A100 (QwenLM/Qwen, README: generating 2048 tokens; batch 1, by sequence length). */
const measured: readonly (readonly [string, Partial<ModelUse>, number])[] = [
  ["Qwen-7B", {}, 16.99],
  ["Qwen-7B", { precision: "int8" }, 11.2],
  ["Qwen-7B", { precision: "int4" }, 8.21],
  ["Qwen-14B", {}, 30.15],
  ["Qwen-14B", { precision: "int8" }, 18.81],
  ["Qwen-14B", { precision: "int4" }, 13.01],
  ["Qwen-72B", { precision: "int4" }, 48.86],
  ["Qwen-7B", { task: "lora", contextTokens: 256 }, 20.1],
  ["Qwen-7B", { task: "lora", contextTokens: 2048 }, 23.8],
  ["Qwen-7B", { task: "lora", contextTokens: 8192 }, 36.6],
  ["Qwen-7B", { task: "qlora", contextTokens: 256 }, 11.5],
  ["Qwen-7B", { task: "qlora", contextTokens: 2048 }, 13.9],
  ["Qwen-7B", { task: "qlora", contextTokens: 8192 }, 23.5],
  ["Qwen-14B", { task: "qlora", contextTokens: 256 }, 18.7],
  ["Qwen-72B", { task: "qlora", contextTokens: 256 }, 61.4],
];

describe("against published figures", () => {
  it.for(measured)("is near what was measured of %s %o: %f GB", ([name, use, gb], { expect }) => {
    const share = totalGib({ name, ...use }) / gb;
    expect(share).toBeGreaterThan(0.9);
    expect(share).toBeLessThan(use.task === undefined ? 1.1 : 1.22);
  });

  it("is above what was measured of Qwen-7B trained whole on two cards: 43.5 GB", ({ expect }) => {
    // ZeRO's 16 bytes are 57 GiB here; what was measured is 12 bytes, so no 32-bit copy of the weights.
    const need = totalGib({ name: "Qwen-7B", task: "full", contextTokens: 256 }, 2);
    expect(need).toBeGreaterThan(43.5);
    expect(need).toBeLessThan(43.5 * 1.6);
  });

  it.for([
    // Kwon et al., arXiv:2309.06180: 800 KB (of 1024) for a token of OPT-13B.
    ["OPT-13B", 800 * 1024],
    // arXiv:2505.09343, table 1.
    ["Qwen2.5-72B", 327_680],
    ["Llama-3.1-405B", 516_096],
    ["DeepSeek-V3", 70_272],
  ] as const)("keeps as much of each token of %s as published", ([name, bytes], { expect }) => {
    const shape = shapeOf({ name });
    expect(shape && shape.layers * shape.kvWidth * 2).toBe(bytes);
    const use = { ...bf16Inference, name, contextTokens: 1000 };
    expect(shape && memoryOf(use, shape, 1).kvCacheGib * 2 ** 30).toBeCloseTo(1000 * bytes, 3);
  });

  it("takes 16 bytes for each parameter that AdamW trains in 16 bits, as in ZeRO", ({ expect }) => {
    const shape = shapeOf({ params: 7.5e9 });
    const use: ModelUse = { ...bf16Inference, task: "full" };
    const parts = shape && memoryOf(use, shape, 1);
    const held = (parts?.weightsGib ?? 0) + (parts?.gradientsGib ?? 0) + (parts?.optimizerGib ?? 0);
    expect(held * 2 ** 30).toBeCloseTo(120e9, -3);
  });

  it("fits Llama 3.1 405B on 8 cards of 80 GB in fp8 and not in bf16, as its makers say", ({
    expect,
  }) => {
    expect(
      totalGib({ name: "meta-llama/Llama-3.1-405B-Instruct", precision: "fp8" }, 8),
    ).toBeLessThan(80);
    expect(totalGib({ name: "Llama-3.1-405B" }, 8)).toBeGreaterThan(80);
    expect(totalGib({ name: "Llama-3.1-405B" }, 16)).toBeLessThan(80);
  });

  it("fits DeepSeek-V3 in fp8 on 8 cards of 141 GB and not of 80", ({ expect }) => {
    const need = totalGib(
      { name: "deepseek-ai/DeepSeek-V3", precision: "fp8", contextTokens: 8192 },
      8,
    );
    expect(need).toBeGreaterThan(80);
    expect(need).toBeLessThan(141);
  });

  it("trains adapters of LLaMA-65B in 4 bits on one card of 48 GB, not in 16", ({ expect }) => {
    const use: Partial<ModelUse> = {
      name: "LLaMA-65B",
      contextTokens: 512,
      optimizer: "adamw-8bit",
    };
    expect(totalGib({ ...use, task: "qlora", precision: "int4" })).toBeLessThan(48);
    expect(totalGib({ ...use, task: "lora" })).toBeGreaterThan(80);
  });
});

const tasks: readonly ModelTask[] = ["inference", "lora", "qlora", "full"];
const anyUse = record({
  params: double({ min: 1e7, max: 2e12, noNaN: true }),
  task: constantFrom(...tasks),
  precision: constantFrom<ModelPrecision>("fp32", "bf16", "fp16"),
  contextTokens: integer({ min: 1, max: 200_000 }),
  batch: integer({ min: 1, max: 64 }),
  optimizer: constantFrom("adamw", "adamw-8bit", "adafactor", "sgd"),
});
const anyCards = integer({ min: 1, max: 64 });
/** Rounding of sums. */
const slack = 1 + 1e-9;

describe("for every model", () => {
  it("needs no less for more parameters, context or sequences", ({ expect }) => {
    const growth = double({ min: 1, max: 8, noNaN: true });
    assert(
      property(anyUse, anyCards, growth, (use, cards, factor) => {
        const need = totalGib(use, cards);
        const more = [
          { ...use, params: use.params * factor },
          { ...use, contextTokens: Math.ceil(use.contextTokens * factor) },
          { ...use, batch: Math.ceil(use.batch * factor) },
        ];
        for (const one of more) expect(totalGib(one, cards) * slack).toBeGreaterThanOrEqual(need);
      }),
    );
  });

  it("needs no more of each card when there are more of them", ({ expect }) => {
    assert(
      property(anyUse, anyCards, (use, cards) => {
        expect(totalGib(use, cards + 1)).toBeLessThanOrEqual(totalGib(use, cards) * slack);
      }),
    );
  });

  it("needs no more with fewer bits, nor with fewer trained parameters", ({ expect }) => {
    assert(
      property(anyUse, (use) => {
        const bits: readonly ModelPrecision[] = ["fp32", "bf16", "fp8", "int4"];
        const inference = bits.map((precision) =>
          totalGib({ ...use, task: "inference", precision }),
        );
        expect(inference).toEqual(inference.toSorted((a, b) => b - a));
        const full = totalGib({
          ...use,
          params: use.params + 5e8,
          precision: "bf16",
          task: "full",
        });
        const lora = totalGib({
          ...use,
          params: use.params + 5e8,
          precision: "bf16",
          task: "lora",
        });
        expect(lora).toBeLessThanOrEqual(full);
      }),
    );
  });

  it("has a total that is the sum of its parts, all of them finite and none below zero", ({
    expect,
  }) => {
    assert(
      property(anyUse, anyCards, (use, cards) => {
        const shape = shapeOf(use);
        const { totalGib: total, ...parts } = shape
          ? memoryOf(use, shape, cards)
          : { totalGib: -1 };
        const values = Object.values(parts);
        expect(values).toHaveLength(6);
        for (const value of values) expect(value).toBeGreaterThanOrEqual(0);
        expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(total, 6);
        expect(total).toBeLessThan(Infinity);
      }),
    );
  });
});

describe("disk and links", () => {
  const place = { cards: 1, nodes: 1, hasCheckpoint: false };
  const shape = shapeOf({ params: 7e9 });
  const diskOf = (use: Partial<ModelUse>, hasCheckpoint = false): number | undefined =>
    shape && needOf({ ...bf16Inference, ...use }, shape, { ...place, hasCheckpoint }).diskGib;

  it("holds the download, what is saved, and two checkpoints where there are some", ({
    expect,
  }) => {
    expect(diskOf({})).toBe(29);
    expect(diskOf({ precision: "int4" })).toBeLessThan(29);
    expect(diskOf({ task: "full" })).toBe(42);
    // 14 bytes of each parameter, twice.
    expect(diskOf({ task: "full" }, true)).toBe(Math.ceil(15 + (7e9 * (2 + 28)) / 2 ** 30));
  });

  it("advises a fast link only where cards exchange all they train", ({ expect }) => {
    const need = (task: ModelTask, cards: number, nodes: number) =>
      shape && needOf({ ...bf16Inference, task }, shape, { ...place, cards, nodes });
    expect(need("full", 1, 1)).toMatchObject({ link: "unknown", fabric: "none" });
    expect(need("full", 8, 2)).toMatchObject({ cards: 16, link: "nvlink", fabric: "rdma" });
    expect(need("lora", 2, 1)).toMatchObject({ link: "pcie", fabric: "none" });
  });
});
