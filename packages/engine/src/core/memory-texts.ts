/** What programs write when the memory of a card runs out. */
interface MemoryText {
  readonly pattern: RegExp;
  /** Who writes it, and how it was read. */
  readonly source: string;
}

/**
 * The memory of a card is its driver's affair: neither kernel nor cgroup tells that it ran out, only the text that the
 * program leaves in its log. Each is the wording of a library as it was commonly seen in 2026-11, not compared with its source.
 */
const memoryTexts: readonly MemoryText[] = [
  {
    pattern: /\b(?:CUDA|HIP|NPU|XPU|MUSA|MLU|MACA|DCU) out of memory\b/,
    source: "PyTorch (c10/cuda/CUDACachingAllocator.cpp) and its ports to other vendors' cards",
  },
  {
    pattern: /\btorch\.(?:\w+\.)?OutOfMemoryError\b/,
    source: "PyTorch, the type of the same error",
  },
  {
    pattern: /\b(?:CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation)\b/,
    source: "CUDA driver and runtime API",
  },
  { pattern: /\bhipErrorOutOfMemory\b/, source: "HIP runtime API" },
  {
    pattern: /\bCUDA error: out of memory\b|\bcudaMalloc failed: out of memory\b/,
    source: "PyTorch outside its allocator; ggml (llama.cpp)",
  },
  { pattern: /\bCU(?:BLAS|DNN|SPARSE)_STATUS_ALLOC_FAILED\b/, source: "CUDA libraries" },
  {
    pattern: /\bRESOURCE_EXHAUSTED: Out of memory\b|\bOOM when allocating tensor\b/,
    source: "XLA (JAX) and TensorFlow",
  },
  { pattern: /\bEL0004\b/, source: "Ascend CANN: a device failed to allocate memory" },
  {
    pattern: /\bOut of memory error on (?:GPU|NPU|XPU)\b/,
    source: "PaddlePaddle",
  },
  { pattern: /\bNo available memory for the cache blocks\b/, source: "vLLM" },
];

/** So much of a log's end is looked at, in bytes: an error that ends a job stands there, one that it survived does not. */
export const memoryTailBytes = 64 * 1024;

/** The words of the last text about a card's memory in the end of a log; `undefined`: none of those known is there. */
export function findMemoryText(tail: string): string | undefined {
  let last: { readonly at: number; readonly words: string } | undefined;
  for (const { pattern } of memoryTexts) {
    for (const match of tail.matchAll(new RegExp(pattern, "g"))) {
      if (last === undefined || match.index >= last.at) last = { at: match.index, words: match[0] };
    }
  }
  return last?.words;
}
