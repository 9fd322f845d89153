import type { OfferRow, PlanResult, RunDetail, TermReport } from "@gpujob/sdk";
import type { LedgerLine, ModelPlan, Money, PlanCandidate, RunView } from "@gpujob/spec";

/** Money in CNY, or another currency, from a number of whole units. */
export function money(units: number, currency = "CNY"): Money {
  return { currency, micros: Math.round(units * 1e6) };
}

/** A candidate of a plan, changed as a test needs it. */
export function sampleCandidate(change: Partial<PlanCandidate> = {}): PlanCandidate {
  return {
    rank: 1,
    offerId: "cn-west/rtx4090-1",
    platform: "autodl",
    region: "cn-west",
    instanceType: "rtx4090-1",
    gpu: { vendor: "nvidia", model: "RTX4090", vramGib: 24, count: 1, interconnect: "pcie" },
    market: "on-demand",
    pricePerHour: money(1.88),
    totalPrice: money(3.92),
    breakdown: {
      compute: money(3.76),
      disk: money(0.06),
      publicIp: null,
      egress: null,
      boot: money(0.05),
      imagePull: money(0),
      upload: money(0.05),
      download: money(0),
      keep: money(0),
      surcharges: money(0),
      minimum: money(0),
      expectedRework: money(0),
      discount: money(0),
      tax: money(0),
      unknown: ["public IP", "egress"],
    },
    availability: "high",
    observedAt: "2026-11-24T11:59:48Z",
    reason: "Cheapest for 2h; the next is 12 % dearer.",
    ...change,
  };
}

/** A plan with names in Chinese, a dearer second offer, rejections and a silent platform. */
export function samplePlan(change: Partial<PlanResult> = {}): PlanResult {
  return {
    candidates: [
      sampleCandidate(),
      sampleCandidate({
        rank: 2,
        offerId: "内蒙古A区/3090-2",
        platform: "算力云",
        region: "内蒙古A区",
        gpu: { vendor: "nvidia", model: "RTX3090", vramGib: 24, count: 2, interconnect: "unknown" },
        market: "spot",
        pricePerHour: money(2.1),
        totalPrice: money(14.4),
        availability: "3",
        reason: "Dearer by 10.48 CNY: two cards where one was asked for.",
      }),
    ],
    rejected: [
      { platform: "lab", offerId: "gpu-01", reasons: ["24 GB per card, 80 GB are needed"] },
      { platform: "lab", offerId: "gpu-02", reasons: ["24 GB per card, 80 GB are needed"] },
      { platform: "算力云", offerId: "h20-8", reasons: ["sold out", "above limits.price"] },
    ],
    missing: [{ platform: "ucloud", reason: "no answer within 3s" }],
    currency: "CNY",
    exchangeRates: [
      { currency: "USD", cnyPerUnit: 7.12, observedAt: "2026-11-01", source: "bundled" },
    ],
    job: { name: "qwen-lora", terms: ["1 node", "market auto", "expected 1h", "limit 24h"] },
    upload: {
      files: 12,
      bytes: 3_565_158,
      ignoredLarge: [{ path: "数据/train.bin", bytes: 2_254_857_830 }],
    },
    warnings: ["AUTODL_TOKEN is known to this shell only."],
    environment: { HF_ENDPOINT: "https://mirror.example" },
    worstCase: "If nobody comes back, autodl ends the machine after 24h: at most 45.12 CNY.",
    ...change,
  };
}

/** A candidate on which everything costs something and coupons pay a part. */
export function sampleRichCandidate(): PlanCandidate {
  return sampleCandidate({
    totalPrice: money(4.87),
    toPay: { amount: money(2.37), prepaidHours: money(-1.5), coupons: money(-1) },
    pricedIn: "USD",
    breakdown: {
      compute: money(3.76),
      disk: money(0.06),
      publicIp: money(0.02),
      egress: null,
      boot: money(0.05),
      imagePull: money(0.11),
      upload: money(0.05),
      download: null,
      keep: money(0.47),
      surcharges: money(0.2),
      minimum: money(0.1),
      expectedRework: money(0),
      discount: money(-0.23),
      ownRate: "member 0.95",
      tax: money(0.28),
      unknown: ["the size of the results (expectedOutput)"],
    },
  });
}

/** Use by the hour of a card whose month would have paid, and of one for which no term is known. */
export function sampleTerms(): TermReport {
  const terms = [
    {
      per: "day" as const,
      price: money(38),
      source: "platforms.autodl.account.terms",
      breakEvenHours: 20.2,
      worth: 3,
      cost: money(1300),
    },
    {
      per: "month" as const,
      price: money(1052),
      source: "autodl/rtx4090 in its console, 2026-10-01",
      breakEvenHours: 559.6,
      worth: 1,
      cost: money(1090),
    },
  ];
  const used = { model: "RTX4090", count: 1, perHour: money(1.88), mostAtOnce: 1 };
  return {
    from: "2026-10-25T12:00:00.000Z",
    to: "2026-11-24T12:00:00.000Z",
    currency: "CNY",
    advice: [
      { ...used, platform: "autodl", hours: 701, cost: money(1317.88), terms, best: "month" },
      { ...used, platform: "算力云", hours: 12.5, cost: money(23.5), terms: [], best: "hour" },
    ],
  };
}

/** Adapters for a model of 7B on a card with little room, and what would be cheaper. */
export const sampleModel: ModelPlan = {
  use: {
    name: "Qwen2.5-7B",
    task: "lora",
    precision: "bf16",
    contextTokens: 2048,
    batch: 2,
    optimizer: "adamw",
  },
  params: 7.61e9,
  need: {
    cards: 1,
    perCard: {
      weightsGib: 14.5,
      gradientsGib: 0.6,
      optimizerGib: 1.2,
      activationsGib: 3.6,
      kvCacheGib: 0,
      overheadGib: 2.6,
      totalGib: 22.5,
    },
    link: "unknown",
    fabric: "none",
    diskGib: 30,
  },
  perCardByCount: [
    { cards: 1, needGib: 22.5 },
    { cards: 2, needGib: 14.9 },
    { cards: 4, needGib: 10.3 },
    { cards: 8, needGib: 8 },
  ],
  headroomGib: 1.5,
  assumptions: [
    "The published shape of Qwen2.5-7B: 28 layers of 3584.",
    "Adapters of rank 64 are on every linear layer.",
  ],
  contradictions: [
    "resources.gpu asks for 16 GiB per card, the model needs 22.5: the larger holds.",
  ],
  alternatives: [
    {
      kind: "quantise",
      change: "model.task: qlora",
      cards: 1,
      needGib: 12.1,
      platform: "autodl",
      offerId: "cn-west/rtx3080ti-1",
      totalPrice: money(2.4),
      saves: money(1.52),
    },
  ],
};

/** A run that ended well after an interruption. */
export function sampleRun(change: Partial<RunView> = {}): RunView {
  return {
    id: "r-k3v9x2",
    name: "微调-qwen-lora",
    state: "succeeded",
    exitCode: 0,
    reason: null,
    platform: "autodl",
    attempts: [
      {
        number: 1,
        platform: "算力云",
        offerId: "内蒙古A区/3090-2",
        leases: [{ leaseId: "l-1", rank: 0 }],
        state: "interrupted",
        startedAt: "2026-11-24T10:00:00Z",
        endedAt: "2026-11-24T10:25:00Z",
        reason: "Taken back by the platform; goes on from the checkpoint of 10:24.",
        cost: money(0.88),
      },
      {
        number: 2,
        platform: "autodl",
        offerId: "cn-west/rtx4090-1",
        leases: [{ leaseId: "l-2", rank: 0 }],
        state: "ended",
        startedAt: "2026-11-24T10:25:10Z",
        endedAt: "2026-11-24T11:30:00Z",
        reason: null,
        cost: money(2.04),
      },
    ],
    cost: money(2.92),
    quoted: money(3.92),
    billing: "ended",
    outputs: ["adapter/模型.safetensors", "metrics.json"],
    startedAt: "2026-11-24T10:00:00Z",
    endedAt: "2026-11-24T11:30:00Z",
    labels: { team: "nlp" },
    ...change,
  };
}

/** The same run while it goes on, in full. */
export function sampleDetail(change: Partial<RunDetail> = {}): RunDetail {
  return {
    ...sampleRun({
      state: "running",
      exitCode: null,
      endedAt: null,
      billing: "running",
      outputs: [],
    }),
    outputFolder: "/home/mei/outputs/r-k3v9x2",
    timeline: [
      { at: "2026-11-24T10:00:00Z", type: "run-submitted", attempt: null, message: "Submitted." },
      {
        at: "2026-11-24T10:25:00Z",
        type: "lease-interrupted",
        attempt: 1,
        message: "算力云 takes the machine back. Trying the next of 4 offers.",
      },
    ],
    driver: { owner: "laptop/4711", alive: true },
    lastBeat: { at: "2026-11-24T11:59:59Z", gpuPercent: 97.4, memoryGib: 18.25, diskFreeGib: 120 },
    checkpoint: { at: "2026-11-24T11:58:00Z", files: 3, bytes: 1_073_741_824 },
    ...change,
  };
}

/** An offer as `offers` lists it. */
export function sampleOffer(change: Partial<OfferRow> = {}): OfferRow {
  return {
    offerId: "cn-west/rtx4090-1",
    platform: "autodl",
    region: "cn-west",
    instanceType: "rtx4090-1",
    gpu: { vendor: "nvidia", model: "RTX4090", vramGib: 24, count: 1, interconnect: "pcie" },
    cpuCount: 16,
    memoryGib: 120,
    market: "on-demand",
    pricePerHour: money(1.88),
    price: {
      perHour: money(1.88),
      billing: { unitSeconds: 1, minimumSeconds: 0 },
      source: "live",
    },
    availability: "high",
    observedAt: "2026-11-24T11:59:48Z",
    ageSeconds: 12,
    ...change,
  };
}

/** One line of the ledger. */
export function sampleLine(change: Partial<LedgerLine> = {}): LedgerLine {
  return {
    runId: "r-k3v9x2",
    attempt: 1,
    platform: "算力云",
    leaseId: "l-1",
    from: "2026-11-24T10:00:00Z",
    to: "2026-11-24T10:25:00Z",
    billedSeconds: 1500,
    amount: money(0.88),
    kind: "compute",
    ...change,
  };
}
