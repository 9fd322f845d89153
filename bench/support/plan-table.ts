// Reads a cached question with its offers and prints the plan as a table, for the benchmark `plan-offers`.
import { readFileSync } from "node:fs";
import { makePlan } from "@gpujob/scheduler";
import type { PlanInput } from "@gpujob/scheduler";

/** What the benchmark writes. */
export interface CachedQuestion extends Pick<PlanInput, "job" | "capabilitiesByPlatform"> {
  readonly offers: PlanInput["offers"];
}

const shown = 10;

function printPlan(path: string): void {
  // Written by the benchmark alone.
  const cached: CachedQuestion = JSON.parse(readFileSync(path, "utf8"));
  const plan = makePlan({ ...cached, missing: [], exclusions: [], rates: [], currency: "CNY" });
  const rows = plan.candidates
    .slice(0, shown)
    .map(({ rank, platform, instanceType, region, market, pricePerHour, totalPrice }) =>
      [rank, platform, instanceType, region, market, pricePerHour.micros, totalPrice.micros].join(
        "  ",
      ),
    );
  const rest = `${plan.candidates.length} fit, ${plan.rejected.length} do not`;
  process.stdout.write(`${[...rows, rest].join("\n")}\n`);
}

if (import.meta.main) printPlan(process.argv[2] ?? "");
