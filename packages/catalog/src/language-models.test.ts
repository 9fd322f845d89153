import { it } from "vitest";
import { findLanguageModel, listLanguageModels } from "./index.ts";

it("knows a language model with its maker, in any case, and in its editions", ({ expect }) => {
  for (const [name, id] of [
    ["qwen2.5-7b", "Qwen2.5-7B"],
    ["Qwen/Qwen2.5-7B-Instruct-AWQ", "Qwen2.5-7B"],
    ["meta-llama/Meta-Llama-3.1-8B-Instruct", "Llama-3.1-8B"],
    ["meta-llama/Llama-2-13b-chat-hf", "Llama-2-13B"],
    ["mistralai/Mistral-7B-Instruct-v0.3", "Mistral-7B"],
    ["deepseek-ai/DeepSeek-V3", "DeepSeek-V3"],
  ] as const) {
    expect(findLanguageModel(name)?.id).toBe(id);
  }
  expect(findLanguageModel("Qwen2.5-8B")).toBeUndefined();
  expect(findLanguageModel("")).toBeUndefined();
});

it("finds every model by its own name, and says where its facts are from", ({ expect }) => {
  for (const model of listLanguageModels()) {
    expect(findLanguageModel(model.id)).toBe(model);
    expect(model.source).toContain("https://");
  }
});

it("has measures that make up the number of parameters, where all of them count", ({ expect }) => {
  for (const model of listLanguageModels()) {
    if (model.hasExperts === true) continue;
    const {
      id,
      hidden,
      queryWidth = hidden,
      layers,
      kvWidth,
      feedForward,
      vocabulary,
      isTied,
      params,
    } = model;
    // OPT has two matrices in its feed-forward block, all later ones three.
    const block = (id.startsWith("OPT") ? 2 : 3) * hidden * feedForward;
    const layer = 2 * hidden * queryWidth + hidden * kvWidth + block;
    const counted = layers * layer + (isTied === true ? 1 : 2) * vocabulary * hidden;
    expect(counted / params, id).toBeGreaterThan(0.98);
    expect(counted / params, id).toBeLessThan(1.02);
  }
});
