import type { RunEvent } from "@gpujob/engine";
import type { RunView } from "@gpujob/spec";
import type { Violation } from "./checkers.ts";
import type { Remains } from "./history.ts";
import { epochMs } from "./world-time.ts";

/**
 * No machine with a finished job on it is let go without its outputs, unless its user said so, it was gone already, or it
 * was held for as long as it may be; and whoever reads the end of the run can tell that outputs are missing.
 */
export function checkFetched(
  remains: Remains,
  events: readonly RunEvent[],
  view: RunView,
): readonly Violation[] {
  if (!remains.isSettled) return [];
  const violations: Violation[] = [];
  const lose = (what: string): void => void violations.push({ kind: "lost", what });
  const isStoppedAtOnce = events.some((event) => event.type === "stop-wished" && event.isNow);
  for (const attempt of remains.collecting) {
    const isFetched = events.some(
      (event) => event.type === "outputs-collected" && event.attempt === attempt,
    );
    if (isFetched) continue;
    const failed = events.filter(
      (event) => event.type === "collect-failed" && event.attempt === attempt,
    );
    const isKnownGone = events.some(
      (event) =>
        (event.type === "host-lost" && event.attempt === attempt) || event.type === "lease-vouched",
    );
    if (failed.length === 0 && !isKnownGone && !isStoppedAtOnce)
      lose(`attempt ${attempt} was let go and nobody had tried to fetch its outputs`);
    if (failed.some((event) => isWronglyGone(remains, event)))
      lose(`attempt ${attempt} was given up as gone, with its outputs, while it was there`);
    const isLast = attempt === view.attempts.length;
    const isTold = view.exitCode !== 0 && (view.failure !== undefined || view.notes !== undefined);
    if (isLast && !isTold)
      violations.push({
        kind: "untrue",
        what: `nothing tells that outputs of ${attempt} are lost`,
      });
  }
  return violations;
}

/** A machine that is taken for gone has ended by then. Nobody can tell when by a clock that was set. */
function isWronglyGone({ scenario, markets }: Remains, event: RunEvent): boolean {
  if (event.type !== "collect-failed" || event.failure.kind !== "lease_failed") return false;
  if (scenario.faults.some(({ kind }) => kind === "wall-jump")) return false;
  const machines = markets.flatMap((market) =>
    market
      .machines()
      .filter(({ request }) => request.ownership.attempt === event.attempt)
      .map((machine) => market.endOf(machine)),
  );
  return machines.every((endedAt) => endedAt > event.at - epochMs);
}
