import type { Money } from "./money.ts";

/** What a profile weighs, and what a guide to platforms compares. */
export const rankDimensions = [
  "price",
  "availability",
  "stability",
  "ease",
  "domestic",
  "support",
] as const;
export type RankDimension = (typeof rankDimensions)[number];

/** Ways to rank offers, by name. What each weighs is the scheduler's data. */
export const profileNames = [
  "cheapest",
  "student",
  "university",
  "start-up",
  "enterprise",
  "domestic-only",
  "large-multi-gpu",
  "backup",
] as const;
export type ProfileName = (typeof profileNames)[number];

/** What one dimension gave to a score. */
export interface RankPart {
  readonly dimension: RankDimension;
  /** Points that it gives at most; those of all dimensions are 100. */
  readonly weight: number;
  /** How much of that, from 0 to 1. */
  readonly share: number;
  /** What the share is made of, in words. */
  readonly why: string;
}

/** What own leases tell of an offer's place. */
export interface PlaceExperience {
  /** Clauses, each with how sure it is. */
  readonly seen: readonly string[];
  /** What the price counts as in the order, where that is not the price itself. */
  readonly countsAs?: Money;
}

/** How an offer came to its rank under a profile. */
export interface RankScore {
  readonly profile: ProfileName;
  /** Out of 100, one decimal. */
  readonly points: number;
  readonly parts: readonly RankPart[];
}
