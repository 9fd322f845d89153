import { rankOffers } from "@gpujob/scheduler";
import type { Lease, Money, Offer, OfferPrice } from "@gpujob/spec";
import { compareCredit, compareEstimates } from "@gpujob/test/simulation/compare-estimates.ts";
import type { World } from "@gpujob/test/stories/support/world.ts";
import { createWorld, testJob, testOffer } from "@gpujob/test/stories/support/world.ts";
import type { Benchmark } from "./support/benchmark.ts";

// Not on the border of any unit: a job that ends on one pays for the next, as nothing ends a machine in no time.
const workMs = 4_597_000;
const bootSeconds = 90;
const micros = 3_470_000;

/** How a platform may count; each is one way that at least one real platform uses. */
interface Model {
  readonly name: string;
  readonly price?: Partial<OfferPrice>;
  readonly offer?: Partial<Offer>;
  readonly diskGib?: number;
}

const metered = (unitSeconds: number, minimumSeconds = 0): Partial<OfferPrice> => ({
  billing: { unitSeconds, minimumSeconds, mode: "metered", isBootBilled: true },
});
const prepaid = (unitSeconds: number): Partial<OfferPrice> => ({
  billing: { unitSeconds, minimumSeconds: 0, mode: "prepaid", isBootBilled: true },
});
const afterBoot = (unitSeconds: number): Partial<OfferPrice> => ({
  billing: { unitSeconds, minimumSeconds: 0, mode: "metered", isBootBilled: false },
});
const money = (amount: number): Money => ({ currency: "CNY", micros: amount });

const models: readonly Model[] = [
  { name: "by the second", price: metered(1) },
  { name: "by the second, at least a minute", price: metered(1, 60) },
  { name: "by the second, at least two hours", price: metered(1, 7200) },
  { name: "by the second from ready on", price: afterBoot(1) },
  { name: "by the minute", price: metered(60) },
  { name: "by the minute from ready on", price: afterBoot(60) },
  { name: "by ten minutes", price: metered(600) },
  { name: "by the hour", price: metered(3600) },
  { name: "by the hour, prepaid", price: prepaid(3600) },
  { name: "by the day, prepaid", price: prepaid(86_400) },
  { name: "with a member's discount", price: { ...metered(1), discount: 0.88 } },
  {
    name: "with paid disk",
    price: { ...metered(1), diskPerGibHour: money(1500) },
    offer: { includedDiskGib: 50 },
    diskGib: 350,
  },
  { name: "with a paid address", price: { ...metered(1), publicIpPerHour: money(30_000) } },
  { name: "by the hour from ready on", price: afterBoot(3600) },
];

/**
 * The estimate of the plan against what the simulated platform would take for the machines that the engine then really
 * held: its own clock of each machine, and arithmetic that is written here and nowhere else.
 */
export const benchmark: Benchmark = {
  name: "estimate",
  run: async () => {
    const results = await Promise.all(models.map(measure));
    const worst = results.reduce((left, right) =>
      Math.abs(right.errorPercent) > Math.abs(left.errorPercent) ? right : left,
    );
    const gap = Math.max(...results.map(({ ledgerGapSeconds }) => ledgerGapSeconds));
    const machines = results.reduce((sum, { leases }) => sum + leases, 0);
    return [
      ...comparePlayed(),
      {
        what: `estimate against bill over ${models.length} billing models, the worst`,
        value: Math.abs(worst.errorPercent),
        unit: "%",
        limit: 1,
        side: "most",
        detail: results
          .map(({ name, errorPercent }) => `${name} ${errorPercent.toFixed(2)}`)
          .join(", "),
      },
      {
        what: "billing models compared",
        value: models.length,
        unit: "",
        limit: 12,
        side: "least",
        detail: `${machines} simulated machines, each for ${workMs / 1000} s of work`,
      },
      {
        what: "ledger against the simulated platform's clock, the worst machine",
        value: gap,
        unit: "s",
        limit: 1,
        side: "most",
        detail: `${machines} machines; start and end of each bill`,
      },
    ];
  },
};

/** The estimate alone, against a meter that is played over many random runs of many models. */
function comparePlayed(): Awaited<ReturnType<Benchmark["run"]>> {
  const played = compareEstimates(300, 20_261_124);
  const errors = played.map(({ worstPercent, unsurePercent }) =>
    Math.max(worstPercent, unsurePercent),
  );
  const runs = played.reduce((sum, each) => sum + each.runs, 0);
  return [
    {
      what: `estimate against played bills of ${runs} random runs over ${played.length} models, the worst`,
      value: Math.max(...errors),
      unit: "%",
      limit: 1,
      side: "most",
      detail: played.map(({ name }, index) => `${name} ${errors[index]?.toFixed(2)}`).join(", "),
    },
    {
      what: "left to pay beside coupons and prepaid hours, the worst of random bills",
      value: compareCredit(40, 7),
      unit: "%",
      limit: 1,
      side: "most",
      detail: "240 bills that 40 accounts pay one after the other",
    },
  ];
}

interface Result {
  readonly name: string;
  readonly errorPercent: number;
  readonly ledgerGapSeconds: number;
  readonly leases: number;
}

async function measure(model: Model): Promise<Result> {
  const { diskGib } = model;
  const plain = testOffer("a", "p", micros, { bootSeconds, availability: 10, ...model.offer });
  const offer: Offer = { ...plain, price: { ...plain.price, ...model.price } };
  const { resources } = testJob();
  const job = {
    expectedTimeMs: workMs,
    resources: { ...resources, ...(diskGib === undefined ? {} : { diskGib: { min: diskGib } }) },
  };
  const world = await createWorld({
    platforms: { p: { offers: [offer], bootMs: bootSeconds * 1000 } },
    script: { workMs },
    job,
  });
  const platform = world.platforms["p"];
  if (platform === undefined) throw new Error("There is no platform.");
  const quoted = rankOffers({
    job: testJob(job),
    offers: [offer],
    missing: [],
    capabilitiesByPlatform: { p: platform.capabilities },
    exclusions: [],
    rates: [],
    currency: "CNY",
    uploadBytes: 0,
  }).ranked[0]?.candidate.totalPrice.micros;
  const end = await world.drive();
  const { state } = await world.view();
  if (quoted === undefined || end === "crashed" || state !== "succeeded")
    throw new Error(`${model.name}: the run ended as ${state}.`);
  const leases = platform.machines();
  const billed = leases.reduce((sum, lease) => sum + billOf(lease, offer, diskGib), 0);
  return {
    name: model.name,
    errorPercent: ((quoted - billed) / billed) * 100,
    ledgerGapSeconds: await measureLedger(world, leases),
    leases: leases.length,
  };
}

/** What the platform takes for one machine, in micros. */
function billOf(lease: Lease, { price, includedDiskGib = 0 }: Offer, diskGib = 0): number {
  const seconds = secondsOf(lease);
  const { unitSeconds, minimumSeconds, mode } = price.billing;
  let charged = 0;
  // Counted unit by unit, as a meter does.
  if (mode === "prepaid") charged = unitSeconds;
  while (charged < seconds || charged < minimumSeconds) charged += unitSeconds;
  const extras =
    (price.diskPerGibHour?.micros ?? 0) * Math.max(0, diskGib - includedDiskGib) +
    (price.publicIpPerHour?.micros ?? 0);
  return (
    (price.perHour.micros * (price.discount ?? 1) * charged) / 3600 + (extras * seconds) / 3600
  );
}

function secondsOf({ startedAt = "", endedAt = "" }: Lease): number {
  return (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
}

/** The largest difference in seconds between a line of the ledger and the machine that it stands for. */
async function measureLedger({ store, runId }: World, leases: readonly Lease[]): Promise<number> {
  const lines = (await store.listLedger({ runId })).filter(({ kind }) => kind === "compute");
  const gaps = leases.map((lease) => {
    const line = lines.find(({ leaseId }) => leaseId === lease.leaseId);
    if (line === undefined) return Number.POSITIVE_INFINITY;
    const startGap = Math.abs(line.from - Date.parse(lease.startedAt ?? ""));
    const endGap = Math.abs(line.to - Date.parse(lease.endedAt ?? ""));
    return Math.max(startGap, endGap) / 1000;
  });
  return Math.max(...gaps);
}
