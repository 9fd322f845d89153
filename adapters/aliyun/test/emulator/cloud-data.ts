import type { CloudStock } from "@gpujob/adapter-kit/testing";

/** An instance type as DescribeInstanceTypes knows it (2026-11). */
export interface TypeFacts {
  readonly type: string;
  readonly family: string;
  /** `undefined`: no card at all. */
  readonly gpu?: { readonly name: string; readonly count: number; readonly gib: number };
  readonly vcpus: number;
  readonly gib: number;
  readonly gbps: number;
  /** Interfaces with RDMA. */
  readonly eris?: number;
}

export const typeFacts: readonly TypeFacts[] = [
  {
    type: "ecs.gn6i-c4g1.xlarge",
    family: "ecs.gn6i",
    gpu: { name: "NVIDIA T4", count: 1, gib: 16 },
    vcpus: 4,
    gib: 15,
    gbps: 4,
  },
  {
    type: "ecs.gn7i-c8g1.2xlarge",
    family: "ecs.gn7i",
    gpu: { name: "NVIDIA A10", count: 1, gib: 24 },
    vcpus: 8,
    gib: 30,
    gbps: 16,
  },
  {
    type: "ecs.gn7e-c16g1.32xlarge",
    family: "ecs.gn7e",
    gpu: { name: "NVIDIA A100", count: 8, gib: 80 },
    vcpus: 128,
    gib: 1000,
    gbps: 64,
  },
  {
    type: "ecs.gn8v-2x.8xlarge",
    family: "ecs.gn8v",
    gpu: { name: "GPU H", count: 2, gib: 96 },
    vcpus: 32,
    gib: 192,
    gbps: 20,
    eris: 1,
  },
  // A slice of a card.
  {
    type: "ecs.vgn6i-m4.xlarge",
    family: "ecs.vgn6i",
    gpu: { name: "NVIDIA T4/4", count: 1, gib: 4 },
    vcpus: 4,
    gib: 23,
    gbps: 3,
  },
  { type: "ecs.g6.2xlarge", family: "ecs.g6", vcpus: 8, gib: 32, gbps: 2.5 },
];

/** CNY per hour: on demand quotes of 2026-09 and earlier, spot about a fifth of them. */
const prices: Readonly<Record<string, readonly [onDemand: number, spot: number]>> = {
  "ecs.gn6i-c4g1.xlarge": [11.84, 2.37],
  "ecs.gn7i-c8g1.2xlarge": [9.74, 1.948],
  "ecs.gn7e-c16g1.32xlarge": [277.936, 55.59],
  "ecs.gn8v-2x.8xlarge": [71.58, 20.1],
  "ecs.vgn6i-m4.xlarge": [4.2, 0.9],
  "ecs.g6.2xlarge": [2.02, 0.4],
};

const zones = ["cn-hangzhou-i", "cn-hangzhou-j", "cn-shanghai-e"];

/** Every type in every zone; the second zone a little cheaper as spot. */
export const usualStock: readonly CloudStock[] = zones.flatMap((zone) =>
  Object.entries(prices).flatMap(([type, [onDemand, spot]]) => {
    const row = { region: zone.slice(0, zone.lastIndexOf("-")), zone, type, count: 50 };
    const spotPrice = Math.round(spot * (zone === "cn-hangzhou-j" ? 990 : 1000)) / 1000;
    return [
      { ...row, market: "on-demand" as const, pricePerHour: onDemand },
      { ...row, market: "spot" as const, pricePerHour: spotPrice },
    ];
  }),
);

/** An ESSD of level PL0, CNY per GiB and hour. */
export const diskPerGibHour = 0.0007;

export const images = [
  {
    id: "ubuntu_22_04_x64_20G_alibase_20260916.vhd",
    name: "ubuntu_22_04_x64_20G_alibase_20260916.vhd",
    family: "acs:ubuntu_22_04_x64",
    gib: 20,
    created: "2026-09-16T07:00:00Z",
    owner: "system",
  },
  {
    id: "ubuntu_22_04_x64_40G_gpu_alibase_20260702.vhd",
    name: "ubuntu_22_04_x64_40G_gpu_driver535_alibase_20260702.vhd",
    family: "acs:ubuntu_22_04_x64_gpu",
    gib: 40,
    created: "2026-07-02T07:00:00Z",
    owner: "system",
  },
  {
    id: "ubuntu_22_04_x64_40G_gpu_alibase_20261020.vhd",
    name: "ubuntu_22_04_x64_40G_gpu_driver570_alibase_20261020.vhd",
    family: "acs:ubuntu_22_04_x64_gpu",
    gib: 40,
    created: "2026-10-20T07:00:00Z",
    owner: "system",
  },
  {
    id: "m-bp1ours",
    name: "our own",
    family: "",
    gib: 160,
    created: "2026-10-01T07:00:00Z",
    owner: "self",
  },
] as const;
