import type { GpuFamily } from "./model.ts";

const toolOutput = "memory as the vendor's own tool prints it, user reports 2024 to 2026";
const productPage = "vendor product pages and user reports, not confirmed on a device";
const observedAt = "2026-11";

const ascend: GpuFamily = {
  vendor: "ascend",
  source: `${toolOutput}; https://www.hiascend.com`,
  observedAt,
  models: [
    { id: "Ascend950", vramGib: [], interconnect: "hccs", aliases: ["950pr", "950dt"] },
    // One card carries two dies; each die is a device of its own.
    {
      id: "Ascend910C",
      vramGib: [64],
      interconnect: "hccs",
      aliases: ["910c", "snt9b3", "snt9c"],
    },
    {
      id: "Ascend910B",
      vramGib: [64, 32],
      interconnect: "hccs",
      variants: [
        { name: "910B1", vramGib: [64] },
        { name: "910B2", vramGib: [64] },
        { name: "910B2C", vramGib: [64] },
        { name: "910B3", vramGib: [64], aliases: ["snt9b2"] },
        { name: "910B4", vramGib: [32], aliases: ["snt9b1"] },
        { name: "910B4-1", vramGib: [64] },
      ],
      aliases: ["910b", "snt9b"],
    },
    { id: "Ascend910A", vramGib: [32], interconnect: "hccs", aliases: ["910a", "snt9"] },
    // Tools print this for a 910C and sellers for any of the generations.
    { id: "Ascend910", vramGib: [], interconnect: "hccs", aliases: ["910"] },
    {
      id: "Ascend310P",
      vramGib: [24, 48],
      interconnect: "pcie",
      variants: [{ name: "310P3" }, { name: "Duo", vramGib: [48], aliases: ["310pduo"] }],
      aliases: ["310p", "snt3p"],
    },
    { id: "Ascend310B", vramGib: [], interconnect: "pcie", aliases: ["310b"] },
    { id: "Ascend310", vramGib: [8], interconnect: "pcie", aliases: ["snt3"] },
  ],
};

const cambricon: GpuFamily = {
  vendor: "cambricon",
  source: `${toolOutput}; https://www.cambricon.com`,
  observedAt,
  models: [
    {
      id: "MLU590",
      vramGib: [96],
      interconnect: "unknown",
      variants: [{ name: "M9" }],
    },
    {
      id: "MLU370",
      vramGib: [24],
      interconnect: "unknown",
      variants: [{ name: "X4" }, { name: "X8" }],
    },
  ],
};

const hygon: GpuFamily = {
  vendor: "hygon",
  source: `${toolOutput} (BW1000: ${productPage})`,
  observedAt,
  models: [
    { id: "BW1000", vramGib: [64], interconnect: "unknown" },
    { id: "K100-AI", vramGib: [64], interconnect: "unknown", aliases: ["k100ai", "dcuk100ai"] },
    { id: "Z100L", vramGib: [32], interconnect: "unknown", aliases: ["dcuz100l"] },
  ],
};

const mooreThreads: GpuFamily = {
  vendor: "moore-threads",
  source: `${toolOutput}; https://www.mthreads.com`,
  observedAt,
  models: [
    { id: "MTTS5000", vramGib: [80], interconnect: "unknown", aliases: ["s5000"] },
    { id: "MTTS4000", vramGib: [48], interconnect: "unknown", aliases: ["s4000"] },
    { id: "MTTS3000", vramGib: [32], interconnect: "pcie", aliases: ["s3000"] },
    { id: "MTTS80", vramGib: [16], interconnect: "pcie", aliases: ["s80"] },
  ],
};

const metax: GpuFamily = {
  vendor: "metax",
  source: `${toolOutput}; https://www.metax-tech.com`,
  observedAt,
  models: [
    { id: "MXC550", vramGib: [64], interconnect: "unknown", aliases: ["c550"] },
    { id: "MXC500", vramGib: [64], interconnect: "unknown", aliases: ["c500"] },
  ],
};

const iluvatar: GpuFamily = {
  vendor: "iluvatar",
  source: `${toolOutput} (BI-V150: ${productPage})`,
  observedAt,
  models: [
    // Two devices of 32 GiB on one card.
    { id: "BI-V150", vramGib: [64, 32], interconnect: "unknown", aliases: ["tiangai150"] },
    { id: "BI-V100", vramGib: [32], interconnect: "unknown", aliases: ["tiangai100"] },
    { id: "MR-V100", vramGib: [32], interconnect: "pcie", aliases: ["zhikai100"] },
    { id: "MR-V50", vramGib: [16], interconnect: "pcie", aliases: ["zhikai50"] },
  ],
};

const kunlun: GpuFamily = {
  vendor: "kunlun",
  source: `${toolOutput} (R200, RG800: ${productPage})`,
  observedAt,
  models: [
    { id: "P800", vramGib: [96], interconnect: "unknown", variants: [{ name: "OAM" }] },
    { id: "RG800", vramGib: [32], interconnect: "unknown" },
    { id: "R200", vramGib: [32], interconnect: "unknown" },
  ],
};

const enflame: GpuFamily = {
  vendor: "enflame",
  source: `${toolOutput}; https://www.enflame-tech.com`,
  observedAt,
  models: [
    { id: "L300", vramGib: [144], interconnect: "unknown" },
    // With error correction on, the driver shows 42 of the 48 GiB.
    { id: "S60", vramGib: [48], interconnect: "unknown" },
    { id: "S60G", vramGib: [24], interconnect: "unknown" },
  ],
};

const biren: GpuFamily = {
  vendor: "biren",
  source: `${toolOutput} (106 series: ${productPage})`,
  observedAt,
  models: [
    {
      id: "BR166",
      vramGib: [64],
      interconnect: "unknown",
      aliases: ["biren166", "biren166m", "166m", "biren166series"],
    },
    {
      id: "BR106",
      vramGib: [32, 64],
      interconnect: "unknown",
      variants: [{ name: "106M", aliases: ["biren106m"] }],
      aliases: ["biren106", "biren106series"],
    },
  ],
};

const tHead: GpuFamily = {
  vendor: "t-head",
  source: toolOutput,
  observedAt,
  models: [{ id: "ZW810E", vramGib: [96], interconnect: "unknown", aliases: ["ppu", "ppuzw810e"] }],
};

/** Accelerators of Chinese makers. */
export const domestic: readonly GpuFamily[] = [
  ascend,
  cambricon,
  hygon,
  mooreThreads,
  metax,
  iluvatar,
  kunlun,
  enflame,
  biren,
  tHead,
];
