import { isDeepStrictEqual } from "node:util";
import type { Scenario, Trial } from "./crash-trial.ts";
import { runTrial } from "./crash-trial.ts";
import { forEachOf } from "./fault-home.ts";

/** Drivers of one scenario to be killed, one after the other, at these points. */
export interface Order {
  readonly scenario: Scenario;
  readonly crashes: readonly string[];
}

/** A scenario as it goes when nobody is killed. */
export interface Undisturbed {
  readonly scenario: Scenario;
  readonly trial: Trial;
  /** Points passed, each once, in order. */
  readonly points: readonly string[];
}

/** Plays each scenario without a crash: what all others are held against, and where drivers can be killed. */
export async function playUndisturbed(
  scenarios: readonly Scenario[],
  places: number,
): Promise<readonly Undisturbed[]> {
  return forEachOf(scenarios, places, async (scenario) => {
    const trial = await runTrial(scenario, []);
    return { scenario, trial, points: [...new Set(trial.passed[0])] };
  });
}

/** One kill at every point that is passed; each point in the first scenario that has it. */
export function listSingles(played: readonly Undisturbed[]): readonly Order[] {
  const seen = new Set<string>();
  return played.flatMap(({ scenario, points }) =>
    points.flatMap((point) => {
      if (seen.has(point)) return [];
      seen.add(point);
      return [{ scenario, crashes: [point] }];
    }),
  );
}

/** For each single that was played: the same, and then one kill at every point that the second driver passed. */
export function listPairs(singles: readonly Verdict[]): readonly Order[] {
  return singles.flatMap(({ order, trial }) =>
    [...new Set(trial?.passed[1])].map((point) => ({
      scenario: order.scenario,
      crashes: [...order.crashes, point],
    })),
  );
}

/** What became of one order: the trial, and all that is wrong with it. */
export interface Verdict {
  readonly order: Order;
  readonly trial?: Trial;
  /** Was a driver killed at each of its points? Some depend on how fast things go. */
  readonly isReached: boolean;
  readonly problems: readonly string[];
}

/** Plays orders side by side and holds each against the undisturbed one. */
export async function playOrders(
  orders: readonly Order[],
  options: {
    readonly played: readonly Undisturbed[];
    readonly places: number;
    readonly onVerdict?: (verdict: Verdict) => void;
  },
): Promise<readonly Verdict[]> {
  return forEachOf(orders, options.places, async (order) => {
    const verdict = await judge(order, options.played);
    options.onVerdict?.(verdict);
    return verdict;
  });
}

async function judge(order: Order, played: readonly Undisturbed[]): Promise<Verdict> {
  const wanted = played.find(({ scenario }) => scenario === order.scenario)?.trial;
  try {
    const trial = await runTrial(order.scenario, order.crashes);
    const isSame = isDeepStrictEqual(trial.end, wanted?.end);
    const isReached = trial.happened.length === order.crashes.length;
    const isMissed = order.scenario.isSteady && !isReached;
    return {
      order,
      trial,
      isReached,
      problems: [
        ...trial.violations,
        ...(isSame ? [] : [`ended as ${JSON.stringify(trial.end)}`]),
        ...(!isMissed ? [] : [`only ${trial.happened.length} of its drivers were killed`]),
      ],
    };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { order, isReached: false, problems: [problem] };
  }
}

/** A verdict in one line. */
export function describeVerdict({ order, isReached, problems }: Verdict): string {
  const name = `${order.scenario.name} killed at ${order.crashes.join(", then ")}`;
  if (problems.length > 0) return `BAD ${name}: ${problems.join("; ")}`;
  return `${isReached ? "ok  " : "ok, but not reached: "}${name}`;
}
