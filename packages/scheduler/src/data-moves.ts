import { convertMoney, findLanguageModel, type PublicFolder, scaleMoney } from "@gpujob/catalog";
import {
  type Currency,
  type DataMove,
  type DataNeed,
  type ExchangeRate,
  formatDuration,
  formatGib,
  type JobSpec,
  type Money,
  type Offer,
} from "@gpujob/spec";
import { formatNumber } from "./text.ts";

/** What is known of the ways to a place; everything by the configured name of the platform. */
export interface DataContext {
  /** Folders of public data. */
  readonly publicFolders?: Readonly<Record<string, readonly PublicFolder[]>>;
  /** Download speed that own leases measured, in Mbit/s. */
  readonly downloadMbps?: number;
  /** What a platform takes for a GiB that is sent out of it. */
  readonly egressByPlatform?: Readonly<Record<string, Money>>;
}

/** What data a job lacks at a place: how it comes there, how long that takes, and what its source charges. */
export interface DataPlan {
  readonly moves: readonly DataMove[];
  /** Whole seconds that each node is busy with fetching; `null` where a size is not known. */
  readonly seconds: number | null;
  /** What the places that have the data charge for sending it, all nodes together; `null`: not known. */
  readonly egress: Money | null;
}

const gib = 2 ** 30;
/** Used where nobody has measured it, and said. */
const assumedMbps = 100;

/** The data that a job names, and the published weights of its model. */
export function dataNeeds(job: JobSpec): readonly DataNeed[] {
  const name = job.model?.name;
  const model = name === undefined ? undefined : findLanguageModel(name);
  if (name === undefined || model === undefined) return job.data ?? [];
  const known = (job.data ?? []).some((need) => need.name === name);
  // Weights are published with two bytes for each parameter.
  const weights: DataNeed = { name, sizeGib: (model.params * 2) / gib, at: {} };
  return [...(job.data ?? []), ...(known ? [] : [weights])];
}

/** Plans the moves to an offer's place; what is assumed or not known is added to `unknown`, in words. */
export function planMoves(
  job: JobSpec,
  offer: Offer,
  context: DataContext & { readonly rates: readonly ExchangeRate[]; readonly currency: Currency },
  unknown: string[] = [],
): DataPlan {
  const steps = dataNeeds(job).map((need) => moveOf(need, offer, job, context, unknown));
  const isUnknown = steps.some(({ move }) => move.seconds === undefined);
  const { currency } = context;
  return {
    moves: steps.map(({ move }) => move),
    seconds: isUnknown ? null : steps.reduce((sum, { move }) => sum + (move.seconds ?? 0), 0),
    egress: steps.some(({ egress }) => egress === null)
      ? null
      : { currency, micros: steps.reduce((sum, { egress }) => sum + (egress?.micros ?? 0), 0) },
  };
}

interface Step {
  readonly move: DataMove;
  readonly egress: Money | null;
}

function moveOf(
  need: DataNeed,
  offer: Offer,
  job: JobSpec,
  context: DataContext & { readonly rates: readonly ExchangeRate[]; readonly currency: Currency },
  unknown: string[],
): Step {
  const { name, sizeGib, at } = need;
  const nothing: Money = { currency: context.currency, micros: 0 };
  const path = Object.hasOwn(at, offer.platform) ? at[offer.platform] : undefined;
  if (path !== undefined) {
    const why = `${name} is there: ${path}`;
    return { move: { name, bytes: 0, path, seconds: 0, why }, egress: nothing };
  }
  const unless = sayUnless(need, job, context.publicFolders?.[offer.platform] ?? []);
  if (sizeGib === undefined) {
    unknown.push(`the size of ${name} (data.${name}.size)`);
    return { move: { name, why: `${name} is fetched, its size not known${unless}` }, egress: null };
  }
  const speed = context.downloadMbps ?? assumedMbps;
  const isAssumed = context.downloadMbps === undefined;
  if (isAssumed) unknown.push(`the speed of fetching ${name} (${assumedMbps} Mbit/s assumed)`);
  const bytes = Math.round(sizeGib * gib);
  const seconds = Math.ceil((bytes * 8) / (speed * 1e6));
  const pace = `${formatNumber(speed)} Mbit/s${isAssumed ? " assumed" : ", as measured there"}`;
  const why = `${name}: ${formatGib(sizeGib)} fetched in ${formatDuration(seconds * 1000)} (${pace})${unless}`;
  return {
    move: { name, bytes, seconds, why },
    egress: egressOf(need, bytes * job.resources.nodes, context, unknown),
  };
}

function sayUnless(need: DataNeed, job: JobSpec, folders: readonly PublicFolder[]): string {
  const kind = need.name === job.model?.name ? "models" : "datasets";
  const folder = folders.find((each) => each.kind === kind);
  return folder === undefined
    ? ""
    : `, unless it is in ${folder.path}: then name it under data.${need.name}.at`;
}

/** From the cheapest of the platforms that have it; data that no platform has comes from where downloads are free. */
function egressOf(
  { name, at }: DataNeed,
  bytes: number,
  {
    egressByPlatform = {},
    currency,
    rates,
  }: DataContext & { readonly rates: readonly ExchangeRate[]; readonly currency: Currency },
  unknown: string[],
): Money | null {
  const sources = Object.keys(at);
  if (sources.length === 0) return { currency, micros: 0 };
  const prices = sources.flatMap((source) => {
    const perGib = egressByPlatform[source];
    if (perGib === undefined) return [];
    return [convertMoney(scaleMoney(perGib, { times: [bytes], over: [gib] }), currency, rates)];
  });
  const [first, ...others] = prices;
  if (first !== undefined)
    return others.reduce((best, price) => (price.micros < best.micros ? price : best), first);
  unknown.push(`what ${sources.join(" or ")} takes for sending ${name}`);
  return null;
}
