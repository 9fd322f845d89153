import type { GpuFamily } from "./model.ts";

const sxm4 = { name: "SXM4", interconnect: "nvlink" } as const;
const sxm5 = { name: "SXM5", interconnect: "nvlink" } as const;
const pcie = { name: "PCIe", interconnect: "pcie" } as const;

/** Cards made for servers. Two devices on one board (K80, M60) count as two cards, as drivers count them. */
export const nvidiaDataCenter: GpuFamily = {
  vendor: "nvidia",
  source:
    "https://developer.nvidia.com/cuda-gpus, https://developer.nvidia.com/cuda-legacy-gpus (compute capability); vendor data sheets (memory, form)",
  observedAt: "2026-11",
  models: [
    {
      id: "GB300",
      // Sold as 288 GB; drivers and clouds show about 270 GiB.
      vramGib: [270, 279, 288],
      computeCapability: 10.3,
      interconnect: "nvlink",
    },
    {
      id: "B300",
      vramGib: [270, 288],
      computeCapability: 10.3,
      interconnect: "nvlink",
      variants: [{ name: "SXM6", interconnect: "nvlink" }],
    },
    { id: "GB200", vramGib: [186, 192], computeCapability: 10, interconnect: "nvlink" },
    {
      id: "B200",
      vramGib: [180, 192],
      computeCapability: 10,
      interconnect: "nvlink",
      variants: [{ name: "SXM6", interconnect: "nvlink" }],
    },
    // The 480 in "GH200 480GB" is the memory of the processor beside it.
    { id: "GH200", vramGib: [96, 144], computeCapability: 9, interconnect: "unknown" },
    {
      id: "H200",
      vramGib: [141],
      computeCapability: 9,
      interconnect: "unknown",
      variants: [sxm5, { name: "NVL", interconnect: "pcie" }],
    },
    {
      id: "H100",
      vramGib: [80, 94],
      computeCapability: 9,
      interconnect: "unknown",
      variants: [
        // "H100 80GB HBM3" is how drivers name it; "MEGA" is one cloud's machine around it.
        { ...sxm5, vramGib: [80], aliases: ["hbm3", "mega"] },
        { ...pcie, vramGib: [80] },
        { name: "NVL", vramGib: [94], interconnect: "pcie" },
      ],
    },
    {
      id: "H800",
      vramGib: [80],
      computeCapability: 9,
      interconnect: "unknown",
      variants: [{ ...sxm5, aliases: ["hbm3"] }, pcie, { name: "NVL", vramGib: [94] }],
    },
    {
      id: "H20",
      vramGib: [96, 141],
      computeCapability: 9,
      interconnect: "unknown",
      variants: [
        { ...sxm5, vramGib: [96, 141] },
        { name: "3e", vramGib: [141], interconnect: "nvlink" },
      ],
    },
    {
      id: "A100",
      vramGib: [40, 80],
      computeCapability: 8,
      interconnect: "unknown",
      variants: [sxm4, pcie],
    },
    {
      id: "A800",
      vramGib: [40, 80],
      computeCapability: 8,
      interconnect: "unknown",
      variants: [{ ...sxm4, vramGib: [80] }, pcie],
    },
    { id: "L40S", vramGib: [48], computeCapability: 8.9, interconnect: "pcie" },
    { id: "L40", vramGib: [48], computeCapability: 8.9, interconnect: "pcie" },
    { id: "L20", vramGib: [48], computeCapability: 8.9, interconnect: "pcie" },
    { id: "L4", vramGib: [24], computeCapability: 8.9, interconnect: "pcie" },
    { id: "L2", vramGib: [24], computeCapability: 8.9, interconnect: "pcie" },
    { id: "A40", vramGib: [48], computeCapability: 8.6, interconnect: "pcie" },
    { id: "A30", vramGib: [24], computeCapability: 8, interconnect: "pcie" },
    { id: "A16", vramGib: [16], computeCapability: 8.6, interconnect: "pcie" },
    { id: "A10", vramGib: [24], computeCapability: 8.6, interconnect: "pcie" },
    { id: "A10G", vramGib: [24], computeCapability: 8.6, interconnect: "pcie" },
    { id: "A2", vramGib: [16], computeCapability: 8.6, interconnect: "pcie" },
    { id: "T4", vramGib: [16], computeCapability: 7.5, interconnect: "pcie" },
    { id: "T4G", vramGib: [16], computeCapability: 7.5, interconnect: "pcie" },
    {
      id: "V100",
      vramGib: [16, 32],
      computeCapability: 7,
      interconnect: "unknown",
      variants: [
        { name: "SXM2", interconnect: "nvlink" },
        { name: "SXM3", vramGib: [32], interconnect: "nvlink" },
        pcie,
      ],
    },
    { id: "V100S", vramGib: [32], computeCapability: 7, interconnect: "pcie", variants: [pcie] },
    {
      id: "P100",
      vramGib: [12, 16],
      computeCapability: 6,
      interconnect: "unknown",
      variants: [{ name: "SXM2", vramGib: [16], interconnect: "nvlink" }, pcie],
    },
    { id: "P40", vramGib: [24], computeCapability: 6.1, interconnect: "pcie" },
    { id: "P4", vramGib: [8], computeCapability: 6.1, interconnect: "pcie" },
    { id: "M60", vramGib: [8], computeCapability: 5.2, interconnect: "pcie" },
    { id: "M40", vramGib: [12, 24], computeCapability: 5.2, interconnect: "pcie" },
    { id: "K80", vramGib: [12], computeCapability: 3.7, interconnect: "pcie" },
    { id: "K520", vramGib: [4], computeCapability: 3, interconnect: "pcie", aliases: ["gridk520"] },
  ],
};
