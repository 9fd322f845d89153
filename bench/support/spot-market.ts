import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Market, OfferGpu } from "@gpujob/spec";
import { readTable } from "./csv.ts";
import { toGpu } from "./offers.ts";

/** Machines of one type in one zone, with their prices over the recorded time. */
export interface Pool {
  readonly id: string;
  readonly zone: string;
  readonly region: string;
  readonly type: string;
  readonly gpu: OfferGpu;
  readonly cpuCount: number;
  readonly memoryGib: number;
  /** Epoch milliseconds at which the prices of the same position begin to hold; ascending. */
  readonly times: readonly number[];
  /** USD per hour; `undefined`: not sold then. */
  readonly prices: Readonly<Record<Market, readonly (number | undefined)[]>>;
  /** Epoch milliseconds at which a spot machine that runs then is taken away; ascending. */
  readonly interruptions: readonly number[];
}

/** A recorded market in which anybody's machine in a pool is interrupted at the same moments. */
export interface SpotMarket {
  readonly pools: readonly Pool[];
  readonly from: number;
  readonly to: number;
  /** Interruptions per hour that the platform's own advisor tells of a pool. */
  readonly toldRate: (pool: Pool) => number;
}

const hourMs = 3_600_000;
const monthHours = 730;

/**
 * What the bands of the advisor stand for, as a share of machines interrupted within a month: their middles, and for the
 * open one (above 20 %) 30 %.
 */
const bandShares = [0.025, 0.075, 0.125, 0.175, 0.3];

interface Advice {
  readonly spot_advisor: Readonly<
    Record<string, { readonly Linux: Readonly<Record<string, { readonly r: number }>> }>
  >;
}

/**
 * The recorded prices with interruptions that were not recorded: drawn at the rates of the advisor's bands, times `factor`,
 * the same for every policy, and where a pool disappeared. Undefined where the folder does not have the files.
 */
export function readSpotMarket(
  folder: string,
  options: { readonly factor: number; readonly seed: number },
): SpotMarket | undefined {
  const [history] = globSync("aws/spot-history-*.csv", { cwd: folder });
  const [advisor] = globSync("aws/spot-advisor-*.json", { cwd: folder });
  if (history === undefined || advisor === undefined) return undefined;
  // Recorded as the platform publishes it; only the bands are read.
  const advice: Advice = JSON.parse(readFileSync(join(folder, advisor), "utf8"));
  const types = readTypes(join(folder, "skypilot-v5/aws/vms.csv"));
  const rows = readTable(join(folder, history), ",");
  const to = Math.max(...rows.slice(-100).map((row) => Date.parse(row["time"] ?? "")));
  const from = Date.parse(rows[0]?.["time"] ?? "");
  const rateOf = ({ region, type }: Pick<Pool, "region" | "type">): number => {
    const band = advice.spot_advisor[region]?.Linux[type]?.r ?? 2;
    return -Math.log(1 - (bandShares[band] ?? 0.125)) / monthHours;
  };
  const grouped = Map.groupBy(rows, (row) => `${row["zone"]}/${row["instance_type"]}`);
  const pools = [...grouped].flatMap(([id, own]): Pool[] => {
    const [zone = "", type = ""] = id.split("/");
    const machine = types.get(type);
    if (machine === undefined) return [];
    const region = regionOf(zone);
    const pricesOf = (column: string): readonly (number | undefined)[] =>
      own.map((row) => Number(row[column]) || undefined);
    const times = own.map((row) => Date.parse(row["time"] ?? ""));
    const spot = pricesOf("spot_usd_per_hour");
    const drawn = drawMoments(rateOf({ region, type }) * options.factor, {
      random: seededRandom(`${options.seed}/${id}`),
      from,
      to,
    });
    const gone = times.filter((_time, at) => spot[at] === undefined);
    return [
      {
        ...machine,
        id,
        zone,
        region,
        type,
        times,
        prices: { spot, "on-demand": pricesOf("on_demand_usd_per_hour") },
        interruptions: [...drawn, ...gone].toSorted((a, b) => a - b),
      },
    ];
  });
  return { pools, from, to, toldRate: rateOf };
}

/** Zone ids begin with a short form of their region. */
function regionOf(zone: string): string {
  const regions: Readonly<Record<string, string>> = {
    use1: "us-east-1",
    use2: "us-east-2",
    usw2: "us-west-2",
    euw1: "eu-west-1",
  };
  return regions[zone.split("-")[0] ?? ""] ?? zone;
}

type Machine = Pick<Pool, "gpu" | "cpuCount" | "memoryGib">;

function readTypes(path: string): ReadonlyMap<string, Machine> {
  const types = new Map<string, Machine>();
  for (const row of readTable(path, ",")) {
    const type = row["InstanceType"] ?? "";
    const gpu = types.has(type) ? undefined : toGpu(row);
    if (gpu === undefined) continue;
    types.set(type, {
      gpu,
      cpuCount: Number(row["vCPUs"]) || 1,
      memoryGib: Number(row["MemoryGiB"]) || 1,
    });
  }
  return types;
}

/** Moments of a steady rate per hour. */
function drawMoments(
  rate: number,
  {
    random,
    from,
    to,
  }: { readonly random: () => number; readonly from: number; readonly to: number },
): readonly number[] {
  const moments: number[] = [];
  for (let at = from; ;) {
    at += (-Math.log(1 - random()) / rate) * hourMs;
    if (at >= to) return moments;
    moments.push(Math.round(at));
  }
}

/** The same numbers from 0 to 1 for the same text, on every computer. */
export function seededRandom(text: string): () => number {
  let state = 2_166_136_261;
  for (const letter of text) state = Math.imul(state ^ (letter.codePointAt(0) ?? 0), 16_777_619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** USD per hour at a moment; `undefined`: not sold. */
export function priceAt(pool: Pool, market: Market, at: number): number | undefined {
  const position = lastAtMost(pool.times, at);
  return position < 0 ? undefined : pool.prices[market][position];
}

/** USD for a machine that runs from one moment to another, each second at the price of then. */
export function costOf(pool: Pool, market: Market, from: number, to: number): number {
  let cost = 0;
  let price = priceAt(pool, market, from) ?? 0;
  let since = from;
  for (let at = lastAtMost(pool.times, from) + 1; at < pool.times.length; at += 1) {
    const time = pool.times[at] ?? to;
    if (time >= to) break;
    cost += (price * (time - since)) / hourMs;
    since = time;
    // One that runs on demand is kept at its price when no more are sold.
    price = pool.prices[market][at] ?? price;
  }
  return cost + (price * (to - since)) / hourMs;
}

/** When a machine that is rented now will be taken away; `undefined`: not within the record. */
export function nextInterruption(pool: Pool, market: Market, after: number): number | undefined {
  if (market === "on-demand") return undefined;
  return pool.interruptions[lastAtMost(pool.interruptions, after) + 1];
}

/** Position of the last number that is not above a limit, in ascending ones; -1: none. */
function lastAtMost(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? Infinity) <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
