import { normalizeGpuName } from "@gpujob/catalog";
import type { OfferGpu } from "@gpujob/spec";
import { GpujobError, parseSizeGib } from "@gpujob/spec";

const memoryShape = /^\d+(?:\.\d+)?\s*[gt]i?b?$/i;
const countShape = /^\d{1,3}$/;

/**
 * Reads the cards of one machine, such as `RTX4090:24GB:1` or `nvidia:A100-SXM4:80GB:8`: exact values, no ranges.
 * The count may be left out (1), the memory too where the card is sold in one size only.
 *
 * @throws GpujobError `usage` naming what is missing or unknown.
 */
export function parseOfferGpu(text: string): OfferGpu {
  const parts = text.split(":").map((part) => part.trim());
  const last = parts.at(-1) ?? "";
  const count = parts.length > 1 && countShape.test(last) ? Number(parts.pop()) : 1;
  const memory = parts.length > 1 && memoryShape.test(parts.at(-1) ?? "") ? parts.pop() : undefined;
  const name = normalizeGpuName(parts.join(" "));
  if (name === undefined || count === 0) {
    throw new GpujobError("usage", `"${text}" names no card that the catalogue knows.`, {
      hint: "Write name, memory and count, such as RTX4090:24GB:1.",
    });
  }
  const vramGib = memory === undefined ? name.vramGib : parseSizeGib(memory);
  if (vramGib === undefined) {
    throw new GpujobError("usage", `"${text}" is sold with several sizes of memory.`, {
      hint: `Add the memory of one card, such as ${name.model}:80GB:1.`,
    });
  }
  const { vendor, model, variant } = name;
  return {
    vendor,
    model,
    vramGib,
    count,
    interconnect: "unknown",
    ...(variant === undefined ? {} : { variant }),
  };
}
