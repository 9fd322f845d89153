import type { OfferGpu } from "@gpujob/spec";

/** The accelerators of a node, such as `2x RTX4090 24 GB`; `none` without any. */
export function gpuLabel(gpu: OfferGpu | undefined): string {
  if (!gpu) return "none";
  const variant = gpu.variant === undefined ? "" : ` ${gpu.variant}`;
  return `${gpu.count}x ${gpu.model}${variant} ${Math.round(gpu.vramGib)} GB`;
}
