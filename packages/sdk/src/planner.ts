import { explainNoOffer, rankOffers } from "@gpujob/scheduler";
import type { Exclusion, NoOffer, RankedPlan } from "@gpujob/scheduler";
import type { Candidate } from "@gpujob/engine";
import type { ExchangeRate, JobSpec, Offer, Plan, PlanMissing } from "@gpujob/spec";
import { collectOffers } from "./platforms.ts";
import type { CollectedOffers, ConfiguredPlatform, Platforms } from "./platforms.ts";
import type { Surroundings } from "./surroundings.ts";

/** Candidates kept with a run; more than anybody fails over through. */
const mostCandidates = 50;

export interface Planner {
  readonly plan: (
    request: PlanRequest,
    wait: { readonly signal: AbortSignal },
  ) => Promise<PlannedOffers>;
  /** The same offers ranked for another request, such as one that knows its upload. */
  readonly price: (request: PlanRequest, planned: PlannedOffers) => Promise<PlannedOffers>;
}

export interface PlanRequest {
  readonly job: JobSpec;
  readonly exclusions: readonly Exclusion[];
  readonly rates: readonly ExchangeRate[];
  readonly currency: string;
  readonly uploadBytes?: number;
}

export interface PlannedOffers {
  readonly plan: Plan;
  readonly candidates: readonly Candidate[];
  readonly missing: readonly PlanMissing[];
  readonly offers: readonly Offer[];
  readonly explanation?: NoOffer;
}

/** Asks the platforms that the job allows and ranks what they offer. */
export function createPlanner(options: {
  readonly platforms: Platforms;
  readonly around: Pick<Surroundings, "clock" | "upMs">;
  /** Hosts that were bad for earlier runs. */
  readonly avoided: () => Promise<readonly Exclusion[]>;
}): Planner {
  const allowed = async (job: JobSpec): Promise<readonly ConfiguredPlatform[]> =>
    (await options.platforms.all()).filter((each) => isAllowed(job, each));
  const withAvoided = async (own: PlanRequest): Promise<PlanRequest> => ({
    ...own,
    exclusions: [...own.exclusions, ...(await options.avoided())],
  });

  return {
    async plan(own, { signal }) {
      const asked = await allowed(own.job);
      const [collected, request] = await Promise.all([
        collectOffers(asked, { around: options.around, signal }),
        withAvoided(own),
      ]);
      return rank(request, asked, collected);
    },
    price: async (own, planned) => rank(await withAvoided(own), await allowed(own.job), planned),
  };
}

function rank(
  request: PlanRequest,
  asked: readonly ConfiguredPlatform[],
  { offers, missing }: CollectedOffers,
): PlannedOffers {
  const capabilitiesByPlatform = Object.fromEntries(
    asked.map((each) => [each.name, each.capabilities]),
  );
  const ranked = rankOffers({ ...request, offers, missing, capabilitiesByPlatform });
  const plan = toPlan(ranked);
  const explanation = explainNoOffer(plan);
  return {
    plan,
    candidates: toCandidates(ranked, asked),
    missing,
    offers,
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
): readonly Candidate[] {
  return plan.ranked.slice(0, mostCandidates).flatMap(({ candidate, offer }) => {
    const target = asked.find((each) => each.name === offer.platform);
    if (target === undefined) return [];
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
