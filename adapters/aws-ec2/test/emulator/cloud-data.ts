import type { CloudStock } from "@gpujob/adapter-kit/testing";

/** An instance type as DescribeInstanceTypes knows it; numbers as AWS recorded them in 2026-08. */
export interface TypeFacts {
  readonly type: string;
  readonly gpu?: {
    readonly name: string;
    readonly maker: string;
    readonly count: number;
    readonly mib: number;
  };
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly network: string;
  /** Network cards, where there are several. */
  readonly cards?: number;
  readonly efa?: true;
  readonly arch: string;
  readonly classes: readonly string[];
}

const both = ["on-demand", "spot"];

export const typeFacts: readonly TypeFacts[] = [
  {
    type: "g4dn.xlarge",
    gpu: { name: "T4", maker: "NVIDIA", count: 1, mib: 16384 },
    vcpus: 4,
    memoryMib: 16384,
    network: "Up to 25 Gigabit",
    arch: "x86_64",
    classes: both,
  },
  {
    type: "g6e.xlarge",
    gpu: { name: "L40S", maker: "NVIDIA", count: 1, mib: 45776 },
    vcpus: 4,
    memoryMib: 32768,
    network: "Up to 20 Gigabit",
    arch: "x86_64",
    classes: both,
  },
  {
    type: "p4d.24xlarge",
    gpu: { name: "A100", maker: "NVIDIA", count: 8, mib: 40960 },
    vcpus: 96,
    memoryMib: 1179648,
    network: "4x 100 Gigabit",
    cards: 4,
    efa: true,
    arch: "x86_64",
    classes: both,
  },
  {
    type: "g5g.xlarge",
    gpu: { name: "T4g", maker: "NVIDIA", count: 1, mib: 16384 },
    vcpus: 4,
    memoryMib: 8192,
    network: "Up to 10 Gigabit",
    arch: "arm64",
    classes: both,
  },
  // A slice of a card: no whole one.
  {
    type: "g6f.large",
    gpu: { name: "L4", maker: "NVIDIA", count: 0, mib: 2861 },
    vcpus: 2,
    memoryMib: 8192,
    network: "Up to 10 Gigabit",
    arch: "x86_64",
    classes: both,
  },
  {
    type: "p5e.48xlarge",
    gpu: { name: "H200", maker: "NVIDIA", count: 8, mib: 144384 },
    vcpus: 192,
    memoryMib: 2097152,
    network: "3200 Gigabit",
    cards: 32,
    efa: true,
    arch: "x86_64",
    classes: ["capacity-block"],
  },
  {
    type: "t3.micro",
    vcpus: 2,
    memoryMib: 1024,
    network: "Up to 5 Gigabit",
    arch: "x86_64",
    classes: both,
  },
];

const prices: Readonly<Record<string, readonly [onDemand: number, spot: number]>> = {
  "g4dn.xlarge": [0.526, 0.1578],
  "g6e.xlarge": [1.861, 0.7021],
  "p4d.24xlarge": [21.96, 9.1234],
  "g5g.xlarge": [0.42, 0.2],
  "g6f.large": [0.202, 0.1],
};

const zones = ["us-east-1a", "us-east-1b", "eu-west-1a"];

/** Every priced type in every zone; abroad a tenth dearer, and the second zone a little cheaper as spot. */
export const usualStock: readonly CloudStock[] = zones.flatMap((zone) =>
  Object.entries(prices).flatMap(([type, [onDemand, spot]]) => {
    const region = zone.slice(0, -1);
    const factor = region === "us-east-1" ? 1 : 1.1;
    const row = { region, zone, type, count: 50 };
    const spotPrice = Math.round(spot * factor * (zone === "us-east-1b" ? 9900 : 10_000)) / 1e4;
    return [
      { ...row, market: "on-demand" as const, pricePerHour: onDemand * factor },
      { ...row, market: "spot" as const, pricePerHour: spotPrice },
    ];
  }),
);

/** An image with the root disk that its snapshot needs. */
export const images = [
  { id: "ami-0000000000000a001", rootDevice: "/dev/sda1", gib: 75, arch: "x86_64" },
  { id: "ami-0000000000000a002", rootDevice: "/dev/sda1", gib: 75, arch: "arm64" },
  { id: "ami-0000000000000a003", rootDevice: "/dev/xvda", gib: 120, arch: "x86_64" },
] as const;

const dlami = "base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id";

/** Public parameters by path. */
export const parameters: Readonly<Record<string, string>> = {
  [`/aws/service/deeplearning/ami/x86_64/${dlami}`]: "ami-0000000000000a001",
  [`/aws/service/deeplearning/ami/arm64/${dlami}`]: "ami-0000000000000a002",
};
