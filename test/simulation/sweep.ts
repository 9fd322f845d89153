import { audit } from "@gpujob/sdk/audit";
import type { Store } from "@gpujob/store";
import type { Violation } from "./checkers.ts";
import type { Machine } from "./sim-market.ts";
import { createDriverProcess } from "./driver-process.ts";
import { createPlatforms } from "./sim-ports.ts";
import type { SharedWorld } from "./sim-ports.ts";

/** No fault of a driver is its own. */
const sweeper = 0;
/** How long after the end of a run its user looks, each from the last time, in milliseconds. */
const pauses = [300_000, 1_800_000, 7_200_000, 90_000_000] as const;

/**
 * `gpujob audit --fix`, a few times within a day, by the library's own code against the platforms as they are then: what
 * is surely ours and has no reason to exist goes.
 */
export async function sweepUntilClean(
  world: SharedWorld,
  runId: string,
): Promise<readonly Violation[]> {
  const { timeline } = world;
  const violations: Violation[] = [];
  for (const pauseMs of pauses) {
    await timeline.run(() => false, timeline.now() + pauseMs);
    // Where nothing is left, nothing can be found: most histories end so, and looking costs as much as a few of their steps.
    if (!isAnythingLeft(world)) continue;
    let isOver = false;
    const swept = sweepOnce(world, runId).finally(() => (isOver = true));
    await timeline.run(() => isOver, Number.POSITIVE_INFINITY);
    violations.push(...(await swept));
  }
  return violations;
}

function isAnythingLeft({ markets }: SharedWorld): boolean {
  return markets.some((market) =>
    market.machines().some((machine) => {
      const state = market.stateOf(machine);
      return state !== "ended" && state !== "failed";
    }),
  );
}

async function sweepOnce(world: SharedWorld, runId: string): Promise<readonly Violation[]> {
  const process = createDriverProcess({
    name: "audit",
    timeline: world.timeline,
    fates: [],
    wallOffsetMs: world.wallOffsetMs,
  });
  const platforms = createPlatforms(world, process, sweeper);
  const report = await audit(
    {
      store: ofRun(world.store, runId),
      platforms: [...platforms.values()],
      installation: world.installation,
      clock: process.clock,
      owner: process.name,
    },
    { fix: true },
    { signal: new AbortController().signal },
  );
  for (const each of report.fixed) world.trace?.(`audit ${each.leaseId}: ${each.note}`);
  const { billing, unconfirmed, byHand, unknown } = report;
  // Not what `--fix` gave back just now: that is said once, and it bills on.
  return findHidden(world, [...billing, ...unconfirmed, ...byHand, ...unknown]).map(toLeak);
}

/** Machines that only their user can end, that bill, and that the audit does not show. */
function findHidden(
  { markets, vouched }: SharedWorld,
  shown: readonly { readonly leaseId: string | null; readonly note: string }[],
): readonly Machine[] {
  const isShown = ({ leaseId, request }: Machine): boolean =>
    shown.some((each) => each.leaseId === leaseId || each.note.includes(request.leaseKey));
  return markets.flatMap((market) =>
    market
      .machines()
      .filter((machine) => market.isUsers(machine))
      .filter((machine) => !isShown(machine) && !vouched.has(machine.request.leaseKey)),
  );
}

function toLeak({ leaseId }: Machine): Violation {
  const what = `${leaseId} bills until its user ends it, and the audit does not say so`;
  return { kind: "leak", what };
}

/** Histories share a store, and an audit is about all of it. */
function ofRun(store: Store, runId: string): Store {
  return {
    ...store,
    listRuns: async () => {
      const row = await store.loadRun(runId);
      return row === undefined ? [] : [row];
    },
    listLeases: (filter) => store.listLeases({ ...filter, runId }),
  };
}
