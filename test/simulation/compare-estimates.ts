import { openPurse, rankOffers } from "@gpujob/scheduler";
import type { AccountTerms, JobSpec, Money, Offer } from "@gpujob/spec";
import { createRandom } from "./random.ts";
import type { Random } from "./random.ts";
import { simulateBill } from "./simulated-bill.ts";
import type { SimulatedUse, Tariff } from "./simulated-bill.ts";
import { testJob } from "../stories/support/world.ts";

/** A way of billing, and runs as they are usual under it. */
interface BillingModel {
  readonly tariff: Tariff;
  readonly use?: Partial<SimulatedUse>;
  /** Has the image to be pulled? */
  readonly isPulled?: true;
}

const hour = 3600;
const metered = { from: "order", piece: 1 } as const;

/** Each is one way in which at least one real platform counts; the last ones are taken away at random. */
export const billingModels: readonly BillingModel[] = [
  { tariff: { ...metered, name: "by the second", hour: 1.88 } },
  { tariff: { ...metered, name: "by the second from ready on", from: "up", hour: 2.2 } },
  { tariff: { ...metered, name: "by the second, at least two hours", least: 2 * hour, hour: 1.6 } },
  { tariff: { ...metered, name: "by the minute", piece: 60, hour: 4.29, rate: 7.12 } },
  { tariff: { ...metered, name: "by ten minutes", piece: 600, hour: 2.5 } },
  { tariff: { ...metered, name: "by the hour", piece: hour, hour: 10.5 } },
  { tariff: { ...metered, name: "by the hour from ready on", from: "up", piece: hour, hour: 3 } },
  { tariff: { ...metered, name: "by the hour, prepaid", piece: hour, isPaidFirst: true, hour: 2 } },
  {
    tariff: {
      ...metered,
      name: "by the day, prepaid",
      piece: 24 * hour,
      isPaidFirst: true,
      hour: 1.4,
    },
  },
  {
    tariff: { ...metered, name: "a member's rate on a discount", hour: 1.98, rebates: [0.9, 0.95] },
  },
  {
    tariff: { ...metered, name: "with paid disk", hour: 2, diskGbDay: 0.01 },
    use: { diskGb: 300 },
  },
  {
    tariff: {
      ...metered,
      name: "with a paid address and traffic",
      hour: 3.2,
      addressHour: 0.03,
      trafficGb: 0.8,
    },
    use: { resultsGb: 6 },
  },
  { tariff: { ...metered, name: "with NVLink and tax", piece: 60, hour: 24, linkHour: 3, tax: 6 } },
  {
    tariff: { ...metered, name: "with an image to pull", hour: 2.4 },
    use: { pull: 400 },
    isPulled: true,
  },
  { tariff: { ...metered, name: "kept for an hour", hour: 2.1 }, use: { keep: hour } },
  {
    tariff: { ...metered, name: "four machines", hour: 7, piece: 60, diskGbDay: 0.008 },
    use: { machines: 4, diskGb: 100 },
  },
  {
    tariff: { ...metered, name: "spot by the second", hour: 1.1, takenPerHour: 0.15 },
    use: { work: 1.5 * hour },
  },
  {
    tariff: { ...metered, name: "spot with checkpoints", hour: 1.1, takenPerHour: 0.4 },
    use: { savesEvery: 600 },
  },
  {
    tariff: {
      ...metered,
      name: "spot by the hour with checkpoints",
      piece: hour,
      hour: 0.9,
      takenPerHour: 0.25,
    },
    use: { savesEvery: 900 },
  },
  {
    tariff: {
      ...metered,
      name: "spot, at least ten minutes, two machines",
      from: "up",
      piece: 60,
      least: 600,
      hour: 3,
      takenPerHour: 0.1,
    },
    use: { machines: 2, savesEvery: 1200 },
  },
];

/** How far the estimates of one model are from the bills. */
export interface ModelResult {
  readonly name: string;
  readonly runs: number;
  /** Of one run, the worst; on spot of the sum over all runs of one job, the worst. */
  readonly worstPercent: number;
  /** Of the sum over all runs, boots being up to a third longer or shorter than told. */
  readonly unsurePercent: number;
}

/** Estimates and bills of `runs` random runs under each model, of 12,000 under those on spot. The same seed: the same runs. */
export function compareEstimates(runs: number, seed: number): readonly ModelResult[] {
  return billingModels.map((model, index) =>
    model.tariff.takenPerHour === undefined
      ? compareSteady(model, runs, createRandom(seed + index))
      : compareSpot(model, createRandom(seed + index)),
  );
}

function compareSteady(model: BillingModel, runs: number, random: Random): ModelResult {
  let worst = 0;
  let told = 0;
  let billed = 0;
  for (let run = 0; run < runs; run++) {
    const tariff = { ...model.tariff, hour: model.tariff.hour * (0.5 + random.next()) };
    const use = randomUse(model, random);
    const estimate = estimateOf(model, tariff, use);
    const bill = simulateBill(tariff, use, () => random.next());
    worst = Math.max(worst, Math.abs(estimate / bill - 1));
    const boot = use.boot * (1 + (random.next() - 0.5) * (2 / 3));
    told += estimate;
    billed += simulateBill(tariff, { ...use, boot }, () => random.next());
  }
  return {
    name: model.tariff.name,
    runs,
    worstPercent: worst * 100,
    unsurePercent: Math.abs(told / billed - 1) * 100,
  };
}

/** One interruption more or less makes a bill; what is expected of many is what the estimate promises. */
function compareSpot(model: BillingModel, random: Random): ModelResult {
  const estimates: { readonly told: number; readonly billed: number }[] = [];
  const jobs = 2;
  for (let job = 0; job < jobs; job++) {
    const use = randomUse(model, random);
    const told = estimateOf(model, model.tariff, use);
    let billed = 0;
    const times = spotRuns;
    for (let run = 0; run < times; run++)
      billed += simulateBill(model.tariff, use, () => random.next());
    estimates.push({ told, billed: billed / times });
  }
  const worst = Math.max(...estimates.map(({ told, billed }) => Math.abs(told / billed - 1)));
  const sum = (key: "told" | "billed"): number =>
    estimates.reduce((total, each) => total + each[key], 0);
  return {
    name: model.tariff.name,
    runs: spotRuns * jobs,
    worstPercent: worst * 100,
    unsurePercent: Math.abs(sum("told") / sum("billed") - 1) * 100,
  };
}

/** The average of so many runs stands still enough to be held to one percent. */
const spotRuns = 6000;

function randomUse({ use, tariff }: BillingModel, random: Random): SimulatedUse {
  const isSpot = tariff.takenPerHour !== undefined;
  const resultsGb = use?.resultsGb ?? 0;
  return {
    machines: 1,
    boot: random.int(20, 400),
    pull: 0,
    upload: random.int(0, 600),
    work: isSpot ? random.int(hour, 4 * hour) : random.int(2 * hour, 9 * hour),
    download:
      resultsGb === 0
        ? random.int(0, 300)
        : Math.ceil((resultsGb * bitsPerGb) / (downloadMbps * 1e6)),
    keep: 0,
    diskGb: 0,
    resultsGb: 0,
    ...use,
  };
}

/** Sizes are counted as everywhere in gpujob: a GB is 2^30 bytes. */
const bitsPerGb = 8 * 2 ** 30;
const uploadMbps = 100;
/** What the estimate assumes of downloads. */
const downloadMbps = 100;

/** CNY, by the plan that a user would see, with what only the user knows in the account. */
function estimateOf(model: BillingModel, tariff: Tariff, use: SimulatedUse): number {
  const [first] = rankOffers(question(model, tariff, use)).ranked;
  if (first === undefined) throw new Error(`${tariff.name}: nothing fits.`);
  return first.candidate.totalPrice.micros / 1e6;
}

function question(
  { isPulled }: BillingModel,
  tariff: Tariff,
  use: SimulatedUse,
): Parameters<typeof rankOffers>[0] {
  const { resources } = testJob();
  const resultsGib =
    use.resultsGb > 0 ? use.resultsGb : (use.download * downloadMbps * 1e6) / bitsPerGb;
  const job: JobSpec = testJob({
    resources: { ...resources, nodes: use.machines, diskGib: { min: use.diskGb + 50 } },
    expectedTimeMs: use.work * 1000,
    expectedOutputGib: resultsGib,
    workdir: "/work",
    ...(use.keep === 0 ? {} : { keepMs: use.keep * 1000 }),
    ...(isPulled === undefined ? {} : { image: "docker:team/train" }),
    ...(use.savesEvery === undefined
      ? {}
      : {
          checkpoint: {
            path: "ckpt",
            everyMs: use.savesEvery * 1000,
            signal: "SIGTERM",
            graceMs: 60_000,
            store: "local",
            keep: 2,
          },
        }),
  });
  return {
    job,
    offers: [toOffer(tariff, use)],
    missing: [],
    capabilitiesByPlatform: {},
    exclusions: [],
    rates: [
      { currency: "USD", cnyPerUnit: tariff.rate ?? 1, observedAt: "2026-11-01", source: "test" },
    ],
    currency: "CNY",
    accounts: { p: accountOf(tariff) },
    uploadBytes: (use.upload * uploadMbps * 1e6) / 8,
    bandwidthMbps: uploadMbps,
  };
}

function money({ rate }: Tariff, amount: number): Money {
  return { currency: rate === undefined ? "CNY" : "USD", micros: Math.round(amount * 1e6) };
}

function toOffer(tariff: Tariff, use: SimulatedUse): Offer {
  const { piece, least = 0, isPaidFirst, from, rebates = [], takenPerHour, trafficGb } = tariff;
  return {
    offerId: "a",
    platform: "p",
    region: "r",
    instanceType: "a",
    includedDiskGib: 50,
    maxDiskGib: 10_000,
    maxNodes: 16,
    market: takenPerHour === undefined ? "on-demand" : "spot",
    price: {
      perHour: money(tariff, tariff.hour),
      billing: {
        unitSeconds: piece,
        minimumSeconds: least,
        mode: isPaidFirst === true ? "prepaid" : "metered",
        isBootBilled: from === "order",
      },
      diskPerGibHour: money(tariff, (tariff.diskGbDay ?? 0) / 24),
      publicIpPerHour: money(tariff, tariff.addressHour ?? 0),
      ...(trafficGb === undefined ? {} : { egressPerGib: money(tariff, trafficGb) }),
      ...(rebates[0] === undefined ? {} : { discount: rebates[0] }),
      source: "live",
    },
    availability: "high",
    bootSeconds: use.boot,
    imagePullSeconds: use.pull,
    ...(takenPerHour === undefined ? {} : { interruptionsPerHour: takenPerHour }),
    observedAt: "2026-11-24T00:00:00Z",
  };
}

function accountOf(tariff: Tariff): AccountTerms {
  const { rebates = [], linkHour, tax = 0 } = tariff;
  return {
    taxRate: tax / 100,
    ...(rebates[1] === undefined ? {} : { member: rebates[1] }),
    ...(linkHour === undefined
      ? {}
      : { surcharges: [{ name: "NVLink", perHour: money(tariff, linkHour) }] }),
  };
}

/** The worst difference in percent of the bill, where prepaid hours and coupons pay for run after run until they are used up. */
export function compareCredit(runs: number, seed: number): number {
  const random = createRandom(seed);
  let worst = 0;
  for (let run = 0; run < runs; run++) {
    const hours = random.int(1, 60);
    const coupon = random.int(1, 200);
    const account: AccountTerms = {
      taxRate: 0,
      prepaidHours: [{ hours, model: "RTX4090", asOf: "2026-11-01T00:00:00Z" }],
      coupons: [
        {
          amount: { currency: "CNY", micros: coupon * 1e6 },
          asOf: "2026-11-01T00:00:00Z",
          until: "2026-12-31T00:00:00Z",
        },
      ],
    };
    const rates: never[] = [];
    const purse = openPurse({ p: account }, { currency: "CNY", rates });
    let hoursLeft = hours;
    let couponLeft = coupon;
    for (let bill = 0; bill < 6; bill++) {
      const seconds = random.int(600, 20 * hour);
      const price = 1 + random.next() * 3;
      const cards = random.int(1, 4);
      const compute = (price * seconds) / hour;
      const beside = random.next();
      const paid = purse.pay({
        platform: "p",
        model: "RTX4090",
        cardHours: (seconds / hour) * cards,
        compute: { currency: "CNY", micros: Math.round(compute * 1e6) },
        amount: { currency: "CNY", micros: Math.round((compute + beside) * 1e6) },
        at: Date.parse("2026-11-24T00:00:00Z"),
      });
      // Second by second: a packed hour pays for it, else the coupon, else the user.
      let left = beside;
      for (let at = 0; at < seconds; at++) {
        if (hoursLeft * hour >= cards) hoursLeft -= cards / hour;
        else left += price / hour;
      }
      const byCoupon = Math.min(left, couponLeft);
      couponLeft -= byCoupon;
      const error = Math.abs((paid?.amount.micros ?? 0) / 1e6 - (left - byCoupon));
      worst = Math.max(worst, error / (compute + beside));
    }
  }
  return worst * 100;
}
