import type { GpuVendor } from "./adapter.ts";
import { GpujobError } from "./errors.ts";
import { didYouMean, quoteText } from "./nearest.ts";

/** Every vendor that a job file may name, and whether the group `domestic` holds it. */
const vendorOrigins = {
  nvidia: "foreign",
  amd: "foreign",
  ascend: "domestic",
  hygon: "domestic",
  biren: "domestic",
  cambricon: "domestic",
  kunlun: "domestic",
  "moore-threads": "domestic",
  metax: "domestic",
  iluvatar: "domestic",
  enflame: "domestic",
  "t-head": "domestic",
  intel: "foreign",
} as const satisfies Record<GpuVendor, "domestic" | "foreign">;

/** Every vendor of accelerators, in the order in which they are listed for people. */
export const gpuVendors: readonly GpuVendor[] = Object.keys(vendorOrigins).filter(isVendor);
/** What may stand where a vendor is asked for. */
export const vendorNames: readonly string[] = [...gpuVendors, "domestic"];

/** Does the group `domestic` hold this vendor? */
export function isDomesticVendor(vendor: GpuVendor): boolean {
  return vendorOrigins[vendor] === "domestic";
}

function isVendor(name: string): name is GpuVendor {
  return Object.hasOwn(vendorOrigins, name);
}

/** Reads `nvidia`, `domestic` and the like, in any case. @throws `usage` naming the nearest. */
export function parseVendors(text: string): readonly GpuVendor[] {
  const vendors = readVendors(text);
  if (vendors !== undefined) return vendors;
  throw new GpujobError(
    "usage",
    `${quoteText(text)} is not a vendor.${didYouMean(text, vendorNames)}`,
    {
      hint: `Use one of ${vendorNames.join(", ")}.`,
    },
  );
}

/** The vendors that a text names, or `undefined` when it is no vendor's name. */
export function readVendors(text: string): readonly GpuVendor[] | undefined {
  const name = text.trim().toLowerCase();
  if (name === "domestic") {
    return gpuVendors.filter((vendor) => vendorOrigins[vendor] === "domestic");
  }
  return isVendor(name) ? [name] : undefined;
}
