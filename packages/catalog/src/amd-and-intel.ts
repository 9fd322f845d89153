import type { GpuFamily } from "./model.ts";

const oam = { name: "OAM" } as const;

const amd: GpuFamily = {
  vendor: "amd",
  source: "https://www.amd.com product pages; cloud instance descriptions",
  observedAt: "2026-11",
  models: [
    { id: "MI355X", vramGib: [288], interconnect: "unknown", variants: [oam] },
    { id: "MI350X", vramGib: [288], interconnect: "unknown", variants: [oam] },
    { id: "MI325X", vramGib: [256], interconnect: "unknown", variants: [oam] },
    { id: "MI308X", vramGib: [192], interconnect: "unknown", variants: [oam] },
    {
      id: "MI300X",
      vramGib: [192],
      interconnect: "unknown",
      variants: [oam],
      aliases: ["mi300"],
    },
    { id: "MI300A", vramGib: [128], interconnect: "unknown" },
    { id: "MI250X", vramGib: [128], interconnect: "unknown", variants: [oam] },
    { id: "MI250", vramGib: [128], interconnect: "unknown", variants: [oam] },
    { id: "MI210", vramGib: [64], interconnect: "pcie" },
    { id: "MI100", vramGib: [32], interconnect: "pcie" },
    { id: "MI60", vramGib: [32], interconnect: "pcie" },
    { id: "MI50", vramGib: [16, 32], interconnect: "pcie" },
    { id: "MI25", vramGib: [16], interconnect: "pcie" },
    { id: "V710", vramGib: [24, 28], interconnect: "pcie", aliases: ["prov710"] },
    { id: "V620", vramGib: [32], interconnect: "pcie", aliases: ["prov620"] },
    { id: "V520", vramGib: [8], interconnect: "pcie", aliases: ["prov520"] },
    { id: "W7900", vramGib: [48], interconnect: "pcie", aliases: ["prow7900"] },
    { id: "RX7900XTX", vramGib: [24], interconnect: "pcie", aliases: ["7900xtx"] },
  ],
};

const intel: GpuFamily = {
  vendor: "intel",
  source: "https://www.intel.com, https://habana.ai product pages; cloud instance descriptions",
  observedAt: "2026-11",
  models: [
    { id: "Gaudi3", vramGib: [128], interconnect: "unknown" },
    { id: "Gaudi2", vramGib: [96], interconnect: "unknown" },
    {
      id: "Gaudi",
      vramGib: [32],
      interconnect: "unknown",
      aliases: ["gaudihl205", "hl205", "gaudi1"],
    },
    { id: "Max1550", vramGib: [128], interconnect: "unknown", aliases: ["datacentermax1550"] },
    { id: "Max1100", vramGib: [48], interconnect: "pcie", aliases: ["datacentermax1100"] },
    { id: "Flex170", vramGib: [16], interconnect: "pcie", aliases: ["datacenterflex170"] },
    { id: "ArcA770", vramGib: [8, 16], interconnect: "pcie", aliases: ["a770"] },
  ],
};

/** Accelerators of AMD and Intel. */
export const amdAndIntel: readonly GpuFamily[] = [amd, intel];
