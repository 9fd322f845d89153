import type { Experience, Market } from "@gpujob/spec";
import { median, type Tally } from "./estimate.ts";

/** What was learnt of one place: a platform, or one kind of machine there. Counts, so that whoever reads them can judge. */
export interface PlaceRecord {
  readonly platform: string;
  /** Absent: of the whole platform. */
  readonly instanceType?: string;
  /** How many asks gave a machine. */
  readonly creates: Tally;
  /** How many machines failed or were lost before they were given back, those taken from the spot market aside. */
  readonly failures: Tally;
  /** How often a spot machine was taken away, and in how many hours. */
  readonly spot: { readonly interruptions: number; readonly hours: number };
  readonly boots: number;
  readonly bootSeconds?: number;
  /** Slowest of the boots seen. */
  readonly bootSecondsMost?: number;
  readonly uploads: number;
  /** Median of what was reached when files were sent, in Mbit/s. */
  readonly uploadMbps?: number;
  readonly downloadMbps?: number;
  readonly diskMibPerSecond?: number;
  /** Charged over quoted compute, the mean of all bills; absent: no bill can be compared. */
  readonly billedOverQuoted?: number;
  readonly bills: number;
  /** So many of them are the platform's own, the others by the price that it named for the machine; absent: none. */
  readonly billsRead?: number;
  /** The run whose files are there still, as far as is known: of one machine of the user's own. */
  readonly leftBy?: string;
}

/** All that was learnt, made ready for quick questions. */
export interface Records {
  readonly byPlatform: Readonly<Record<string, PlaceRecord>>;
  /** By platform and kind of machine: see `typeKey`. */
  readonly byType: Readonly<Record<string, PlaceRecord>>;
}

/** Smaller sends say more about the answer time than about the speed. */
const leastBytes = 4 * 2 ** 20;

/** The key of a kind of machine in `Records`. */
export function typeKey(place: {
  readonly platform: string;
  readonly instanceType: string;
}): string {
  return `${place.platform}\t${place.instanceType}`;
}

/** Sums up experiences by platform and by kind of machine. Their order does not matter. */
export function readRecords(experiences: readonly Experience[]): Records {
  const byPlatform = Object.groupBy(experiences, ({ platform }) => platform);
  const byType = Object.groupBy(experiences, typeKey);
  return { byPlatform: mapValues(byPlatform, sumUp), byType: mapValues(byType, sumUpType) };
}

function mapValues<In, Out>(
  groups: Partial<Record<string, In>>,
  map: (value: In) => Out | undefined,
): Record<string, Out> {
  return Object.fromEntries(
    Object.entries(groups).flatMap(([key, value]) => {
      const mapped = value === undefined ? undefined : map(value);
      return mapped === undefined ? [] : [[key, mapped]];
    }),
  );
}

function sumUpType(all: readonly Experience[]): PlaceRecord | undefined {
  const record = sumUp(all);
  const [first] = all;
  if (record === undefined || first === undefined) return undefined;
  return { ...record, instanceType: first.instanceType };
}

function sumUp(all: readonly Experience[]): PlaceRecord | undefined {
  const [first] = all;
  if (first === undefined) return undefined;
  const asked = all.filter(({ isCreated }) => isCreated !== undefined);
  const ended = all.filter(({ end }) => end !== undefined);
  const lost = ended.filter((one) => isLoss(one));
  const bootSeconds = all.flatMap(({ bootMs }) => (bootMs === undefined ? [] : bootMs / 1000));
  const uploads = all.flatMap((one) => uploadMbps(one) ?? []);
  return {
    platform: first.platform,
    creates: { times: asked.filter(({ isCreated }) => isCreated).length, of: asked.length },
    failures: { times: lost.length, of: ended.length },
    spot: sumSpot(all.filter(({ market }) => market === "spot")),
    boots: bootSeconds.length,
    ...(bootSeconds.length === 0 ? {} : { bootSecondsMost: Math.max(...bootSeconds) }),
    uploads: uploads.length,
    ...middles({
      bootSeconds,
      uploadMbps: uploads,
      downloadMbps: all.flatMap((one) => one.downloadMbps ?? []),
      diskMibPerSecond: all.flatMap((one) => one.diskMibPerSecond ?? []),
    }),
    ...sumBills(all),
    ...lastLeft(all),
  };
}

function lastLeft(all: readonly Experience[]): Pick<PlaceRecord, "leftBy"> {
  const newest = all.reduce<Experience | undefined>(
    (best, one) =>
      one.leftBy !== undefined && (best === undefined || one.at > best.at) ? one : best,
    undefined,
  );
  return newest?.leftBy === undefined ? {} : { leftBy: newest.leftBy };
}

/** A spot machine that is taken away is what its price is for; one that never came up is a failure like any other. */
function isLoss({ end, market }: { readonly end?: Experience["end"]; readonly market: Market }) {
  return end === "failed" || (end === "interrupted" && market !== "spot");
}

function sumSpot(all: readonly Experience[]): PlaceRecord["spot"] {
  const ms = all.reduce((sum, { heldMs }) => sum + (heldMs ?? 0), 0);
  return {
    interruptions: all.filter(({ end }) => end === "interrupted").length,
    hours: ms / 3_600_000,
  };
}

function uploadMbps({ sentBytes, sentMs }: Experience): number | undefined {
  if (sentBytes === undefined || sentMs === undefined) return undefined;
  if (sentBytes < leastBytes || sentMs <= 0) return undefined;
  return (sentBytes * 8) / 1000 / sentMs;
}

type Middles = Pick<
  PlaceRecord,
  "bootSeconds" | "uploadMbps" | "downloadMbps" | "diskMibPerSecond"
>;

function middles(values: Record<keyof Middles, readonly number[]>): Middles {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, list]) => {
      const middle = median(list);
      return middle === undefined ? [] : [[key, middle]];
    }),
  );
}

/** Each bill counts alike, whatever its currency and length. */
function sumBills(
  all: readonly Experience[],
): Pick<PlaceRecord, "bills" | "billsRead" | "billedOverQuoted"> {
  const bills = all.flatMap(({ quoted, billed, bill }) =>
    quoted === undefined || billed === undefined || quoted.micros <= 0
      ? []
      : [{ ratio: billed.micros / quoted.micros, isRead: bill?.isCompared === true }],
  );
  const sum = bills.reduce((total, { ratio }) => total + ratio, 0);
  const read = bills.filter(({ isRead }) => isRead).length;
  return {
    bills: bills.length,
    ...(read === 0 ? {} : { billsRead: read }),
    ...(bills.length === 0 ? {} : { billedOverQuoted: sum / bills.length }),
  };
}
