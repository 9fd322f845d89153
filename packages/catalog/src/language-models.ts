/** Facts of one published language model, from its model card and configuration. */
export interface LanguageModel {
  /** Its usual name, without its maker. */
  readonly id: string;
  readonly params: number;
  readonly layers: number;
  /** Width of the hidden state. */
  readonly hidden: number;
  /** Of all heads that ask; absent: as wide as the hidden state. */
  readonly queryWidth?: number;
  /** Values of keys and values together that one layer keeps of one token. */
  readonly kvWidth: number;
  /** Heads over which that cache can be spread; 1 where all cards need all of it. */
  readonly kvHeads: number;
  /** Width inside the feed-forward block; of an ordinary layer where it has experts. */
  readonly feedForward: number;
  readonly vocabulary: number;
  /** Does one table serve for reading and writing tokens? */
  readonly isTied?: true;
  /** Only a part of it works on each token; adapters are put on attention alone. */
  readonly hasExperts?: true;
  /** Where the facts are from. */
  readonly source: string;
  /** ISO-8601 month in which the source was read. */
  readonly observedAt: string;
}

const observedAt = "2026-11";

interface Row {
  readonly id: string;
  /** Thousand millions of parameters. */
  readonly billions: number;
  readonly layers: number;
  readonly hidden: number;
  readonly kvHeads: number;
  readonly queryWidth?: number;
  /** @default 128 */
  readonly headWidth?: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly isTied?: true;
}

function family(source: string, rows: readonly Row[]): readonly LanguageModel[] {
  return rows.map(({ billions, headWidth = 128, ...row }) => ({
    ...row,
    params: billions * 1e9,
    kvWidth: 2 * row.kvHeads * headWidth,
    source,
    observedAt,
  }));
}

/* oxfmt-ignore */
const qwen1: readonly Row[] = [
  { id: "Qwen-7B", billions: 7.72, layers: 32, hidden: 4096, kvHeads: 32, feedForward: 11_008, vocabulary: 151_936 },
  { id: "Qwen-14B", billions: 14.17, layers: 40, hidden: 5120, kvHeads: 40, feedForward: 13_696, vocabulary: 152_064 },
  { id: "Qwen-72B", billions: 72.29, layers: 80, hidden: 8192, kvHeads: 64, feedForward: 24_576, vocabulary: 152_064 },
];

/* oxfmt-ignore */
const qwen25: readonly Row[] = [
  { id: "Qwen2.5-0.5B", billions: 0.49, layers: 24, hidden: 896, kvHeads: 2, headWidth: 64, feedForward: 4864, vocabulary: 151_936, isTied: true },
  { id: "Qwen2.5-1.5B", billions: 1.54, layers: 28, hidden: 1536, kvHeads: 2, feedForward: 8960, vocabulary: 151_936, isTied: true },
  { id: "Qwen2.5-3B", billions: 3.09, layers: 36, hidden: 2048, kvHeads: 2, feedForward: 11_008, vocabulary: 151_936, isTied: true },
  { id: "Qwen2.5-7B", billions: 7.61, layers: 28, hidden: 3584, kvHeads: 4, feedForward: 18_944, vocabulary: 152_064 },
  { id: "Qwen2.5-14B", billions: 14.7, layers: 48, hidden: 5120, kvHeads: 8, feedForward: 13_824, vocabulary: 152_064 },
  { id: "Qwen2.5-32B", billions: 32.5, layers: 64, hidden: 5120, kvHeads: 8, feedForward: 27_648, vocabulary: 152_064 },
  { id: "Qwen2.5-72B", billions: 72.7, layers: 80, hidden: 8192, kvHeads: 8, feedForward: 29_568, vocabulary: 152_064 },
];

/* oxfmt-ignore */
const qwen3: readonly Row[] = [
  { id: "Qwen3-8B", billions: 8.2, layers: 36, hidden: 4096, kvHeads: 8, feedForward: 12_288, vocabulary: 151_936 },
  { id: "Qwen3-14B", billions: 14.8, layers: 40, hidden: 5120, kvHeads: 8, feedForward: 17_408, vocabulary: 151_936 },
  { id: "Qwen3-32B", billions: 32.8, layers: 64, hidden: 5120, queryWidth: 8192, kvHeads: 8, feedForward: 25_600, vocabulary: 151_936 },
];

/* oxfmt-ignore */
const llama: readonly Row[] = [
  { id: "LLaMA-65B", billions: 65.2, layers: 80, hidden: 8192, kvHeads: 64, feedForward: 22_016, vocabulary: 32_000 },
  { id: "Llama-2-7B", billions: 6.74, layers: 32, hidden: 4096, kvHeads: 32, feedForward: 11_008, vocabulary: 32_000 },
  { id: "Llama-2-13B", billions: 13.02, layers: 40, hidden: 5120, kvHeads: 40, feedForward: 13_824, vocabulary: 32_000 },
  { id: "Llama-2-70B", billions: 68.98, layers: 80, hidden: 8192, kvHeads: 8, feedForward: 28_672, vocabulary: 32_000 },
  { id: "Llama-3.1-8B", billions: 8.03, layers: 32, hidden: 4096, kvHeads: 8, feedForward: 14_336, vocabulary: 128_256 },
  { id: "Llama-3.1-70B", billions: 70.55, layers: 80, hidden: 8192, kvHeads: 8, feedForward: 28_672, vocabulary: 128_256 },
  { id: "Llama-3.1-405B", billions: 405.85, layers: 126, hidden: 16_384, kvHeads: 8, feedForward: 53_248, vocabulary: 128_256 },
];

/* oxfmt-ignore */
const others: readonly LanguageModel[] = [
  ...family("https://huggingface.co/mistralai/Mistral-7B-v0.1 (config.json)", [
    { id: "Mistral-7B", billions: 7.24, layers: 32, hidden: 4096, kvHeads: 8, feedForward: 14_336, vocabulary: 32_000 },
  ]),
  ...family("https://huggingface.co/facebook/opt-13b (config.json)", [
    { id: "OPT-13B", billions: 12.85, layers: 40, hidden: 5120, kvHeads: 40, feedForward: 20_480, vocabulary: 50_272, isTied: true },
  ]),
  {
    id: "DeepSeek-V3", params: 671e9, layers: 61, hidden: 7168,
    // It keeps one compressed vector of 512 and 64 for positions, whatever the number of heads.
    kvWidth: 512 + 64, kvHeads: 1,
    feedForward: 18_432, vocabulary: 129_280, hasExperts: true,
    source: "https://huggingface.co/deepseek-ai/DeepSeek-V3 (config.json); https://arxiv.org/abs/2412.19437",
    observedAt,
  },
];

const models: readonly LanguageModel[] = [
  ...family("https://github.com/QwenLM/Qwen and the models' config.json", qwen1),
  ...family("https://huggingface.co/Qwen (model cards of Qwen2.5)", qwen25),
  ...family("https://huggingface.co/Qwen (model cards of Qwen3)", qwen3),
  ...family("https://huggingface.co/meta-llama (model cards and config.json)", llama),
  ...others,
];

/** Every language model of the catalogue. */
export function listLanguageModels(): readonly LanguageModel[] {
  return models;
}

/**
 * The model of a name in any case, with or without its maker (`Qwen/Qwen2.5-7B`) and the words for a tuned or quantised
 * edition of it (`-Instruct`, `-AWQ`); `undefined` for one that is not in the catalogue.
 */
export function findLanguageModel(name: string): LanguageModel | undefined {
  const wanted = reduceName(name);
  return models.find(({ id }) => reduceName(id) === wanted);
}

const editions = /-(?:instruct|chat|base|it|hf|awq|gptq-int[48]|fp8|v[\d.]+)$/;

function reduceName(name: string): string {
  let text = name
    .toLowerCase()
    .replace(/^.*\//, "")
    .replace(/^meta-/, "");
  while (editions.test(text)) text = text.replace(editions, "");
  return text.replaceAll(/[-_ ]/g, "");
}
