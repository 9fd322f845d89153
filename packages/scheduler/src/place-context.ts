import { type DataMove, formatBytes, type JobSpec, type Money, type Offer } from "@gpujob/spec";
import { type DataContext, dataNeeds } from "./data-moves.ts";
import { believedRate } from "./estimate.ts";
import { type Records, typeKey } from "./place-record.ts";
import type { PriceContext } from "./price.ts";

/** What is known of places that changes their prices. */
export interface PlaceContext extends Pick<DataContext, "publicFolders"> {
  readonly records?: Records;
  /** What of the files is left to send to machines where earlier runs left some, by `typeKey`; elsewhere all is sent. */
  readonly leftToSend?: Readonly<Record<string, number>>;
}

type Input = PlaceContext & PriceContext;

/** With fewer boots of our own the platform's word counts, as with fewer hours of spot machines. */
const fewestBoots = 3;
const fewestSpotHours = 5;
/** Before anything was seen: one interruption in so many hours. */
const priorSpotHours = 20;

/** Prepares how each place is priced: speeds that were measured there, data that is there, what is left to send. */
export function compilePlaces(
  job: JobSpec,
  offers: readonly Offer[],
  input: Input,
): (offer: Offer) => PriceContext {
  const hasSources = dataNeeds(job).some(({ at }) => Object.keys(at).length > 0);
  const egressByPlatform = hasSources ? findEgress(offers) : {};
  const known = new Map<string, PriceContext>();
  const contextOf = (platform: string): PriceContext => {
    const learnt = input.records?.byPlatform[platform];
    const { uploadMbps, downloadMbps } = learnt ?? {};
    return {
      ...input,
      egressByPlatform,
      ...(uploadMbps === undefined ? {} : { bandwidthMbps: input.bandwidthMbps ?? uploadMbps }),
      ...(downloadMbps === undefined ? {} : { downloadMbps }),
    };
  };
  return (offer) => {
    const context = known.get(offer.platform) ?? contextOf(offer.platform);
    known.set(offer.platform, context);
    const left = input.leftToSend?.[typeKey(offer)];
    return left === undefined ? context : { ...context, uploadBytes: left };
  };
}

/** What each platform takes for a GiB that leaves it: the least that its offers tell. */
function findEgress(offers: readonly Offer[]): Readonly<Record<string, Money>> {
  const found: Record<string, Money> = {};
  for (const { platform, price } of offers) {
    const { egressPerGib } = price;
    if (egressPerGib === undefined) continue;
    const best = found[platform];
    if (best === undefined || egressPerGib.micros < best.micros) found[platform] = egressPerGib;
  }
  return found;
}

/**
 * An offer as it is priced: with the boot time that was seen here instead of the stated one, and, where the platform does
 * not tell how often spot machines are taken away, how often ours were.
 */
export function withLearnt(offer: Offer, records: Records | undefined): Offer {
  const record = records?.byType[typeKey(offer)];
  if (record === undefined) return offer;
  const { bootSeconds, boots, spot } = record;
  const isRateLearnt =
    offer.market === "spot" &&
    offer.interruptionsPerHour === undefined &&
    spot.hours >= fewestSpotHours;
  const rate = believedRate({ times: spot.interruptions, hours: spot.hours }, priorSpotHours);
  return {
    ...offer,
    ...(bootSeconds === undefined || boots < fewestBoots ? {} : { bootSeconds }),
    ...(isRateLearnt ? { interruptionsPerHour: rate } : {}),
  };
}

/** What of the files need not be sent, for people; nothing where all are. */
export function describeSending(
  offer: Offer,
  { leftToSend, uploadBytes }: Pick<Input, "leftToSend" | "uploadBytes">,
): readonly DataMove[] {
  const left = leftToSend?.[typeKey(offer)];
  if (left === undefined || uploadBytes === undefined || left >= uploadBytes) return [];
  const thereBytes = uploadBytes - left;
  const why =
    left === 0
      ? `files: all ${formatBytes(uploadBytes)} are there from an earlier run`
      : `files: ${formatBytes(left)} of ${formatBytes(uploadBytes)} are sent, the rest is there from an earlier run`;
  return [{ name: "files", bytes: left, thereBytes, why }];
}
