import { snapshotVersion } from "../core/decide.ts";
import type { Snapshot } from "../core/decide.ts";

/**
 * Makes the writer of one run's snapshots: JSON as the store keeps it. What an event left as it was, is the same object as
 * before and is not put into words again; offers are most of a snapshot and hardly ever change.
 */
export function createSnapshotWriter(): (snapshot: Snapshot) => string {
  const known = new WeakMap<object, string>();

  function keep(value: object, write: () => string): string {
    const text = known.get(value) ?? write();
    known.set(value, text);
    return text;
  }

  return ({ phase, context }) => {
    const { attempts, candidates, ...rest } = context;
    const attemptTexts = attempts.map((attempt) =>
      keep(attempt, () => {
        const { candidate, ...other } = attempt;
        const candidateText = keep(candidate, () => JSON.stringify(candidate));
        return `{"candidate":${candidateText},${JSON.stringify(other).slice(1)}`;
      }),
    );
    const candidatesText = keep(candidates, () => JSON.stringify(candidates));
    const head = `{"version":${snapshotVersion},"phase":${JSON.stringify(phase)}`;
    const lists = `"candidates":${candidatesText},"attempts":[${attemptTexts.join(",")}]`;
    return `${head},"context":{${lists},${JSON.stringify(rest).slice(1)}}`;
  };
}
