import { explainNoOffer, rankOffers } from "@gpujob/scheduler";
import type { Bill, Exclusion, NoOffer, RankedPlan, Records } from "@gpujob/scheduler";
import type { Candidate } from "@gpujob/engine";
import type { ExchangeRate, JobSpec, Offer, Plan, PlanMissing } from "@gpujob/spec";
import { collectOffers } from "./collect-offers.ts";
import type { CollectedOffers } from "./collect-offers.ts";
import { publicFoldersOf, traitsOf } from "./experiences.ts";
import type { Freshness, PlanOptions } from "./gpujob.ts";
import { findLeftToSend } from "./left-to-send.ts";
import type { Content } from "./left-to-send.ts";
import type { OfferCache } from "./offer-cache.ts";
import type { ConfiguredPlatform, Platforms } from "./platforms.ts";
import { readOwnMoney } from "./own-money.ts";
import type { OwnMoney } from "./own-money.ts";
import type { Surroundings } from "./surroundings.ts";

/** Candidates kept with a run; more than anybody fails over through. */
const mostCandidates = 50;

export interface Planner {
  /** Asks every platform now: what is rented next hangs on it. */
  readonly plan: (
    request: PlanRequest,
    wait: { readonly signal: AbortSignal },
  ) => Promise<PlannedOffers>;
  /** The platforms that a job may be placed on. */
  readonly platformsFor: (job: JobSpec) => Promise<readonly ConfiguredPlatform[]>;
  /** Offers to look at: an answer of a moment ago will do as well. */
  readonly collect: (
    job: JobSpec,
    options: { readonly freshness: Freshness; readonly signal: AbortSignal },
  ) => Promise<CollectedOffers>;
  readonly rank: (
    request: PlanRequest,
    collected: CollectedOffers,
    options?: Pick<PlanOptions, "rejections">,
  ) => Promise<PlannedOffers>;
}

export interface PlanRequest extends Partial<OwnMoney> {
  readonly job: JobSpec;
  readonly exclusions: readonly Exclusion[];
  readonly rates: readonly ExchangeRate[];
  readonly currency: string;
  readonly uploadBytes?: number;
  /** Only this one is wanted as a candidate. */
  readonly only?: Pick<Offer, "platform" | "offerId">;
  /** The files that will be sent; absent: those of `runId`. */
  readonly files?: readonly Content[];
  readonly runId?: string;
  /** Added by the planner. */
  readonly records?: Records;
  readonly leftToSend?: Readonly<Record<string, number>>;
}

export interface PlannedOffers {
  readonly plan: Plan;
  readonly candidates: readonly Candidate[];
  readonly missing: readonly PlanMissing[];
  readonly explanation?: NoOffer;
}

/** Asks the platforms that the job allows and ranks what they offer. */
export function createPlanner(options: {
  readonly platforms: Platforms;
  readonly around: Pick<Surroundings, "clock" | "upMs">;
  /** Hosts that were bad for earlier runs. */
  readonly avoided: () => Promise<readonly Exclusion[]>;
  /** The files of a run by content. */
  readonly codeOf: (runId: string) => Promise<readonly Content[] | undefined>;
  /** What own leases told of the places; absent: nothing yet. */
  readonly learnt: () => Promise<Records | undefined>;
  readonly cache: OfferCache;
  /** What own leases have cost since a time in epoch milliseconds. */
  readonly bills: (sinceMs: number) => Promise<readonly Bill[]>;
}): Planner {
  const allowed = async (job: JobSpec): Promise<readonly ConfiguredPlatform[]> =>
    (await options.platforms.all()).filter((each) => isAllowed(job, each));
  const withMemory = async (own: PlanRequest): Promise<PlanRequest> => {
    const [avoided, records, money] = await Promise.all([
      options.avoided(),
      options.learnt(),
      ownMoney(own),
    ]);
    const exclusions = [...own.exclusions, ...avoided];
    const request = { ...own, exclusions, ...money };
    if (records === undefined) return request;
    const files = own.files ?? (own.runId === undefined ? [] : await options.codeOf(own.runId));
    const leftToSend = await findLeftToSend(files ?? [], records, options.codeOf);
    return { ...request, records, leftToSend };
  };
  const ownMoney = async (own: PlanRequest): Promise<OwnMoney> =>
    readOwnMoney({
      ...own,
      platforms: (await allowed(own.job)).map(({ config }) => config),
      now: options.around.clock.now(),
      bills: options.bills,
    });

  return {
    platformsFor: allowed,
    async plan(own, { signal }) {
      const asked = await allowed(own.job);
      const [collected, request] = await Promise.all([
        collectOffers(asked, { around: options.around, signal }),
        withMemory(own),
      ]);
      return rank(request, asked, collected, "grouped");
    },
    async collect(job, { freshness, signal }) {
      const { around, cache } = options;
      const kept = { cache, freshness };
      return collectOffers(await allowed(job), { around, kept, signal });
    },
    async rank(own, collected, { rejections = "each" } = {}) {
      return rank(await withMemory(own), await allowed(own.job), collected, rejections);
    },
  };
}

function rank(
  request: PlanRequest,
  asked: readonly ConfiguredPlatform[],
  { index, missing, stalePlatforms }: CollectedOffers,
  rejections: NonNullable<PlanOptions["rejections"]> = "each",
): PlannedOffers {
  const capabilitiesByPlatform = Object.fromEntries(
    asked.map((each) => [each.name, each.capabilities]),
  );
  const ranked = rankOffers({
    ...request,
    offers: index,
    missing,
    stalePlatforms,
    capabilitiesByPlatform,
    traitsByPlatform: traitsOf(asked),
    publicFolders: publicFoldersOf(asked),
    rejections,
  });
  const plan = toPlan(ranked);
  const rentable = plan.candidates.filter(({ isStale }) => isStale !== true);
  // What to change is told from every single reason.
  if (rentable.length === 0 && rejections === "grouped") {
    return rank(request, asked, { index, missing, stalePlatforms });
  }
  const explanation = explainNoOffer({ ...plan, candidates: rentable });
  return {
    plan,
    candidates: toCandidates(ranked, asked, request.only),
    missing,
    ...(explanation === undefined ? {} : { explanation }),
  };
}

function isAllowed(job: JobSpec, { name }: ConfiguredPlatform): boolean {
  const { allow, deny } = job.platforms;
  return (allow.length === 0 || allow.includes(name)) && !deny.includes(name);
}

function toPlan({ ranked, ...plan }: RankedPlan): Plan {
  return { ...plan, candidates: ranked.map(({ candidate }) => candidate) };
}

function toCandidates(
  plan: RankedPlan,
  asked: readonly ConfiguredPlatform[],
  only: PlanRequest["only"],
): readonly Candidate[] {
  const wanted = plan.ranked.filter(
    ({ offer }) =>
      only === undefined || (offer.platform === only.platform && offer.offerId === only.offerId),
  );
  return wanted.slice(0, mostCandidates).flatMap(({ candidate, offer }) => {
    const target = asked.find((each) => each.name === offer.platform);
    if (target === undefined || candidate.isStale === true) return [];
    return [
      {
        offer,
        pricePerHour: candidate.pricePerHour,
        totalPrice: candidate.totalPrice,
        reason: candidate.reason,
        capabilities: target.capabilities,
      },
    ];
  });
}
