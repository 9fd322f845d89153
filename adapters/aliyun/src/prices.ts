import { isAborted, runWithDeadline } from "@gpujob/adapter-kit";
import type { OfferQuery } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { Parts, Region } from "./api.ts";

/** What one type costs per hour on demand, in the account's currency. */
export interface Quote {
  readonly currency: string;
  readonly machine: number;
  /** The system disk of `diskGib`; absent: it was not priced. */
  readonly disk?: number;
}

/** The newest price of a type on the spot market by zone. */
export interface SpotQuotes {
  readonly currency: string;
  readonly perZone: ReadonlyMap<string, number>;
}

/** The answers by type; what could not be had in time is missing, and why is told. */
export interface Answers<Answer> {
  readonly byType: ReadonlyMap<string, Answer>;
  readonly failed: readonly PlatformError[];
}

/** So many questions at once: an account may ask some hundred times a minute. */
const most = 12;
const usualTimeoutMs = 10_000;
/** Who waits that long must have the answer before. */
const share = 0.9;

/** When the prices must be there, by `clock.monotonic()`. */
export function deadlineOf({ context }: Parts, { withinMs }: OfferQuery): number {
  const left = withinMs === undefined ? Number.POSITIVE_INFINITY : withinMs * share;
  return context.clock.monotonic() + left;
}

/** Asks about each type, some side by side and each with its own deadline: one that hangs holds up no other. */
export async function askEach<Answer>(
  { context }: Parts,
  at: Region,
  question: {
    readonly types: readonly string[];
    /** By `clock.monotonic()`. */
    readonly untilMs: number;
    readonly ask: (type: string) => Promise<Answer | undefined>;
  },
): Promise<Answers<Answer>> {
  const { platform, clock } = context;
  const place = { platform, operation: "listOffers" };
  const byType = new Map<string, Answer>();
  const failed: PlatformError[] = [];
  const left = [...question.types];
  const work = async (): Promise<void> => {
    for (let type = left.shift(); type !== undefined; type = left.shift()) {
      const name = type;
      const leftMs = Math.round(question.untilMs - clock.monotonic());
      const timeoutMs = Math.max(1, Math.min(usualTimeoutMs, leftMs));
      const what = `${platform}: the price of ${name} did not come in time (${timeoutMs} ms).`;
      const lateError = (): Error => new PlatformError("unavailable", what, place);
      const deadline = { clock, timeoutMs, signal: at.wait.signal, place, lateError };
      try {
        const answer = await runWithDeadline(deadline, () => question.ask(name));
        if (answer !== undefined) byType.set(name, answer);
      } catch (error) {
        if (isAborted(error) || !PlatformError.is(error) || error.kind === "aborted") throw error;
        // Not sold here after all.
        if (error.failure.platformCode !== "PriceNotFound") failed.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: most }, work));
  const [first] = failed;
  if (first !== undefined && byType.size === 0) throw first;
  return { byType, failed };
}

/** The price on demand of a type with its disk. Disks are priced only together with an image. */
export async function askPrice(
  { config }: Parts,
  at: Region,
  type: string,
  imageId: string | undefined,
): Promise<Quote | undefined> {
  const input = {
    regionId: at.region,
    resourceType: "instance",
    instanceType: type,
    priceUnit: "Hour",
    period: 1,
    spotStrategy: "NoSpot",
    imageId,
    systemDisk: {
      category: config.diskCategory,
      // A number here, and a text at the launch.
      size: config.diskGib,
      ...(config.diskCategory === "cloud_essd" ? { performanceLevel: config.diskLevel } : {}),
    },
  };
  const { priceInfo } = await at.send((client, sdk) =>
    client.describePrice(new sdk.DescribePriceRequest(input)),
  );
  const { currency = "", tradePrice, detailInfos } = priceInfo?.price ?? {};
  const lines = detailInfos?.detailInfo ?? [];
  const priceOf = (name: RegExp): number | undefined =>
    lines.find(({ resource = "" }) => name.test(resource))?.tradePrice;
  const disk = imageId === undefined ? undefined : priceOf(/^systemDisk$/i);
  const machine = priceOf(/^instanceType$/i) ?? (tradePrice ?? 0) - (disk ?? 0);
  if (!(machine > 0) || currency === "") return undefined;
  return { currency, machine, ...(disk === undefined ? {} : { disk }) };
}

/** The newest spot price of a type in each zone, out of the history of the last hours. */
export async function askSpotPrices(
  { config }: Parts,
  at: Region,
  type: string,
): Promise<SpotQuotes | undefined> {
  const input = {
    regionId: at.region,
    instanceType: type,
    networkType: "vpc",
    OSType: "linux",
    spotDuration: config.protectedHour ? 1 : 0,
  };
  const newest = new Map<string, { readonly at: string; readonly price: number }>();
  let currency = "";
  let offset = 0;
  // An offset that does not move on is the end.
  for (let next: number | undefined = 0; next !== undefined;) {
    offset = next;
    const asked = { ...input, offset };
    const page = await at.send((client, sdk) =>
      client.describeSpotPriceHistory(new sdk.DescribeSpotPriceHistoryRequest(asked)),
    );
    currency = page.currency ?? currency;
    for (const { zoneId = "", timestamp = "", spotPrice = 0 } of page.spotPrices?.spotPriceType ??
      []) {
      const known = newest.get(zoneId);
      if (known === undefined || known.at < timestamp)
        newest.set(zoneId, { at: timestamp, price: spotPrice });
    }
    next = page.nextOffset !== undefined && page.nextOffset > offset ? page.nextOffset : undefined;
  }
  if (currency === "") return undefined;
  const sold = [...newest].filter(([, { price }]) => price > 0);
  return { currency, perZone: new Map(sold.map(([zone, { price }]) => [zone, price])) };
}
