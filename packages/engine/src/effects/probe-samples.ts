import { findPublishedRates } from "@gpujob/catalog";
import { matrixRate } from "@gpujob/scheduler";
import type { UsualRates } from "@gpujob/scheduler";
import type { HostProbe, OfferGpu } from "@gpujob/spec";
import type { Store } from "@gpujob/store";
import { readStored } from "../core/stored-json.ts";

/** What one machine's slowest card reached. */
interface ProbeSample {
  /** One sample of each machine, the newest. */
  readonly machineId: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly tflops?: number;
  readonly memoryGBps?: number;
}

/** So many machines are kept of each kind of card, the newest. */
const mostKept = 40;
/** With fewer of our own the maker's word counts. */
const fewest = 3;
/**
 * The part of a published peak that counts as usual while nothing of one's own is known: what libraries reach lies between
 * seven and ten tenths of it, so only a card that is far off is told from a good one.
 */
const usualShare = { tflops: 0.6, memoryGBps: 0.75 } as const;

/** What cards of this kind usually reach: the median of one's own machines, else by what their maker published. */
export async function readUsualRates(store: Store, gpu: OfferGpu): Promise<UsualRates> {
  const samples = await readSamples(store, gpu);
  const published = findPublishedRates(gpu);
  const rateOf = (key: "tflops" | "memoryGBps"): UsualRates[typeof key] => {
    const own = samples.flatMap((sample) => sample[key] ?? []);
    if (own.length >= fewest)
      return { value: medianOf(own), source: `the median of ${own.length} machines seen before` };
    if (published === undefined) return undefined;
    const share = usualShare[key];
    const source = `${Math.round(share * 100)} % of the published peak`;
    return { value: published[key] * share, source };
  };
  const [tflops, memoryGBps] = [rateOf("tflops"), rateOf("memoryGBps")];
  return {
    ...(tflops === undefined ? {} : { tflops }),
    ...(memoryGBps === undefined ? {} : { memoryGBps }),
  };
}

/** Keeps what a machine reached, good or bad: a median is of all. */
export async function noteProbe(
  store: Store,
  gpu: OfferGpu,
  { cards }: HostProbe,
  { machineId, at }: Pick<ProbeSample, "machineId" | "at">,
): Promise<void> {
  const least = (values: readonly (number | undefined)[]): number | undefined => {
    const known = values.filter((value) => value !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  };
  const tflops = least(cards.map(matrixRate));
  const memoryGBps = least(cards.map((card) => card.memoryGBps));
  if (tflops === undefined && memoryGBps === undefined) return;
  const others = (await readSamples(store, gpu)).filter((each) => each.machineId !== machineId);
  const sample: ProbeSample = {
    machineId,
    at,
    ...(tflops === undefined ? {} : { tflops }),
    ...(memoryGBps === undefined ? {} : { memoryGBps }),
  };
  const kept = [...others, sample].slice(-mostKept);
  // Only a memory: a store that is closed for the moment must not hold up the run.
  await store.putValue(nameOf(gpu), JSON.stringify(kept)).catch(() => undefined);
}

async function readSamples(store: Store, gpu: OfferGpu): Promise<readonly ProbeSample[]> {
  const text = await store.readValue(nameOf(gpu)).catch(() => undefined);
  return text === undefined ? [] : readStored<readonly ProbeSample[]>(text);
}

/** By the card alone: a platform whose machines are all slow is told by those of others. */
function nameOf({ vendor, model, variant = "", vramGib }: OfferGpu): string {
  return `probe/${vendor}/${model}/${variant}/${Math.round(vramGib)}`;
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const before = sorted[Math.ceil(sorted.length / 2) - 1] ?? middle;
  return (middle + before) / 2;
}
