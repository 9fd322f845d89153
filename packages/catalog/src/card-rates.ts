import type { OfferGpu } from "@gpujob/spec";

/** What a card can do at most by its maker's word. */
export interface PublishedRates {
  /** Multiplying matrices in half precision with sums in single precision, dense, in TFLOPS. */
  readonly tflops: number;
  /** Memory bandwidth in GB/s. */
  readonly memoryGBps: number;
}

/** By model, then by form factor or memory where these differ; the first that matches counts. */
interface RateRow extends PublishedRates {
  readonly model: string;
  readonly variant?: string;
  readonly vramGib?: number;
}

/**
 * Peaks that the makers publish in their data sheets and architecture papers, written down in 2026-11 without those papers
 * at hand and checked against no card: a part of them alone counts as usual, until machines of one's own were measured. Where
 * a form is not named the slower one is meant, so that no good card is refused for it.
 */
const rows: readonly RateRow[] = [
  { model: "H200", tflops: 835, memoryGBps: 4800 },
  { model: "H100", variant: "SXM5", tflops: 989, memoryGBps: 3352 },
  { model: "H100", tflops: 756, memoryGBps: 2039 },
  { model: "H800", tflops: 756, memoryGBps: 2039 },
  { model: "H20", tflops: 148, memoryGBps: 4000 },
  { model: "A100", vramGib: 80, tflops: 312, memoryGBps: 1935 },
  { model: "A100", tflops: 312, memoryGBps: 1555 },
  { model: "A800", vramGib: 80, tflops: 312, memoryGBps: 1935 },
  { model: "A800", tflops: 312, memoryGBps: 1555 },
  { model: "L40S", tflops: 362, memoryGBps: 864 },
  { model: "L40", tflops: 181, memoryGBps: 864 },
  { model: "L20", tflops: 119, memoryGBps: 864 },
  { model: "L4", tflops: 121, memoryGBps: 300 },
  { model: "A40", tflops: 149, memoryGBps: 696 },
  { model: "A30", tflops: 165, memoryGBps: 933 },
  { model: "A10", tflops: 125, memoryGBps: 600 },
  { model: "V100", tflops: 112, memoryGBps: 900 },
  { model: "T4", tflops: 65, memoryGBps: 300 },
  { model: "RTX6000Ada", tflops: 364, memoryGBps: 960 },
  { model: "RTXA6000", tflops: 154, memoryGBps: 768 },
  { model: "RTX5090", tflops: 209, memoryGBps: 1792 },
  { model: "RTX4090", tflops: 165, memoryGBps: 1008 },
  { model: "RTX3090", tflops: 71, memoryGBps: 936 },
];

/** The published peaks of a card; `undefined`: they are not in the catalogue. */
export function findPublishedRates(
  gpu: Pick<OfferGpu, "model" | "variant" | "vramGib">,
): PublishedRates | undefined {
  const row = rows.find(
    ({ model, variant, vramGib }) =>
      model === gpu.model &&
      (variant === undefined || variant === gpu.variant) &&
      (vramGib === undefined || gpu.vramGib >= vramGib * 0.93),
  );
  if (row === undefined) return undefined;
  const { tflops, memoryGBps } = row;
  return { tflops, memoryGBps };
}
