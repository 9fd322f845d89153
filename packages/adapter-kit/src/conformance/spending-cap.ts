import type { Clock, LeaseRequest, Money, Offer, Platform } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";

/** Each machine is held to cost at least so long, in hours: a quarter is more than any check needs. */
const leastHours = 0.25;
const hourMs = 3_600_000;

interface Spending {
  readonly perHour: number;
  readonly fromMs: number;
  toMs?: number;
}

/** What the machines of a test run may cost, as a fence around a real account. */
export interface SpendingCap {
  /** The same platform; a create that could go over the cap throws `insufficient_funds` and rents nothing. */
  readonly platform: Platform;
  /** Is the offer cheap enough to be rented at all? */
  readonly allows: (offer: Offer) => boolean;
  /** What has been spent, by the stated prices; a little more than the bill. */
  readonly spent: () => Money;
}

/**
 * Puts a cap on what a test run may spend. It counts each lease from its create until the platform says `released`, at
 * the price that the platform states, and at least a quarter of an hour.
 */
export function capSpending(platform: Platform, cap: Money, clock: Clock): SpendingCap {
  const all: Spending[] = [];
  const running = new Map<string, Spending>();

  const costOf = ({ perHour, fromMs, toMs = clock.now() }: Spending): number =>
    perHour * Math.max(leastHours, (toMs - fromMs) / hourMs);
  const total = (): number => all.reduce((sum, one) => sum + costOf(one), 0);
  const allows = ({ price: { perHour } }: Offer): boolean =>
    perHour.currency === cap.currency && total() + perHour.micros * leastHours <= cap.micros;

  function begin(perHour: Money): Spending {
    const one = { perHour: perHour.micros, fromMs: clock.now() };
    all.push(one);
    return one;
  }

  return {
    allows,
    spent: () => ({ currency: cap.currency, micros: Math.ceil(total()) }),
    platform: {
      ...platform,
      async createLease(request: LeaseRequest, wait) {
        if (!allows(request.offer)) throw overCap(request.offer, cap);
        const one = begin(request.offer.price.perHour);
        try {
          const lease = await platform.createLease(request, wait);
          const stated = { ...one, perHour: lease.pricePerHour?.micros ?? one.perHour };
          all.splice(all.indexOf(one), 1, ...(running.has(lease.leaseId) ? [] : [stated]));
          if (!running.has(lease.leaseId)) running.set(lease.leaseId, stated);
          return lease;
        } catch (error) {
          // A refusal cost nothing; anything else may have made a machine, and counts until the end.
          if (platform.classify(error).kind !== "outcome_unknown") all.splice(all.indexOf(one), 1);
          throw error;
        }
      },
      async releaseLease(leaseId, wait) {
        const progress = await platform.releaseLease(leaseId, wait);
        const one = running.get(leaseId);
        if (progress.state === "released" && one !== undefined) one.toMs ??= clock.now();
        return progress;
      },
    },
  };
}

function overCap(offer: Offer, cap: Money): PlatformError {
  return new PlatformError(
    "insufficient_funds",
    `${offer.platform}: renting ${offer.offerId} could go over this test's cap of ${cap.micros / 1e6} ${cap.currency}.`,
    {
      platform: offer.platform,
      operation: "createLease",
      scope: "account",
      hint: "Raise GPUJOB_LIVE_CAP.",
    },
  );
}
