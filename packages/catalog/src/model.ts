import type { GpuVendor, Interconnect } from "@gpujob/spec";

/** One form factor or edition of a model. */
export interface GpuVariant {
  /** Such as `SXM4`, `PCIe`, `NVL`, or for Ascend the chip, such as `910B3`. */
  readonly name: string;
  /** Memory sizes of this form in GiB; absent: those of the model. */
  readonly vramGib?: readonly number[];
  /** How cards of this form in one node usually reach each other; absent: as the model says. */
  readonly interconnect?: Interconnect;
  /** Other words for it, lower case, without separators. */
  readonly aliases?: readonly string[];
}

/** What is true of one model whoever rents it out. */
export interface GpuModelFacts {
  /** The id used in offers and job files, such as `A100`. */
  readonly id: string;
  /** Memory sizes sold, in GiB of one card (of one device, where a card has several). Empty: not known. */
  readonly vramGib: readonly number[];
  /** Sizes that workshops solder onto it, in GiB. Real cards on the rental market, never meant without being said. */
  readonly modifiedVramGib?: readonly number[];
  /** NVIDIA's compute capability, such as 8.6. */
  readonly computeCapability?: number;
  /** Usual link between the cards of a node when the form factor is not known. */
  readonly interconnect: Interconnect;
  readonly variants?: readonly GpuVariant[];
  /** Other names, lower case, without separators and vendor words. The id is always a name. */
  readonly aliases?: readonly string[];
}

/** Models that share a vendor and a source. */
export interface GpuFamily {
  readonly vendor: GpuVendor;
  readonly source: string;
  /** ISO-8601 month in which the source was read. */
  readonly observedAt: string;
  readonly models: readonly GpuModelFacts[];
}

/** A model with its vendor, and where the facts are from. */
export interface GpuModel extends GpuModelFacts {
  readonly vendor: GpuVendor;
  readonly source: string;
  readonly observedAt: string;
}
