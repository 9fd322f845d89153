import type { Experience } from "@gpujob/spec";
import { all } from "./query.ts";
import type { Work } from "./query.ts";
import { text } from "./rows.ts";
import { sql } from "./sql.ts";
import type { ExperienceFilter } from "./store.ts";

/** Platforms change: what is older than this says nothing about today, and `prune` drops it. */
export const experienceMs = 400 * 24 * 3_600_000;

/** Writes what one lease told of its place; the latest word wins. */
export function* putExperience(experience: Experience): Work<void> {
  const { leaseKey, platform, instanceType, at } = experience;
  yield* all(sql.putExperience, leaseKey, platform, instanceType, at, JSON.stringify(experience));
}

/** What leases told, newest first. */
export function* listExperiences({
  since,
  limit,
  of,
}: ExperienceFilter): Work<readonly Experience[]> {
  const rows =
    of === undefined
      ? yield* all(sql.listExperiences, since, limit)
      : yield* all(sql.listExperiencesOfType, of.platform, of.instanceType, since, limit);
  return rows.map((row) => {
    // Written above, by this program, whole.
    const experience: Experience = JSON.parse(text(row, "facts"));
    return experience;
  });
}
