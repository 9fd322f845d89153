import { formatMoney } from "@gpujob/spec";
import type { RunView } from "@gpujob/spec";
import { paint, stateTone } from "./style.ts";
import type { Column } from "./table.ts";
import { renderTable } from "./table.ts";
import { formatAge, formatSeconds } from "./units.ts";
import type { View } from "./view.ts";

/** One row of `ps`: a run without its attempts. */
export type RunRow = Omit<RunView, "attempts">;

/** The table of `ps`. */
export function renderRuns(runs: readonly RunRow[], view: View): readonly string[] {
  if (runs.length === 0) return ["No runs."];
  const columns: readonly Column<RunRow>[] = [
    { header: "RUN", value: ({ id }) => id },
    { header: "NAME", value: ({ name }) => name, shrinkTo: 8, dropOrder: 1 },
    { header: "STATE", value: ({ state }) => state, tone: ({ state }) => stateTone(state) },
    {
      header: "EXIT",
      value: ({ exitCode }) => (exitCode === null ? "" : String(exitCode)),
      align: "right",
      dropOrder: 3,
    },
    { header: "PLATFORM", value: ({ platform }) => platform ?? "", shrinkTo: 8, dropOrder: 2 },
    { header: "COST", value: ({ cost }) => formatMoney(cost), align: "right" },
    {
      header: "BILLING",
      value: ({ billing }) => billing,
      tone: ({ billing }) => billingTone(billing),
    },
    {
      header: "STARTED",
      value: ({ startedAt }) => formatAge(startedAt, view.now),
      align: "right",
      dropOrder: 4,
    },
    { header: "TOOK", value: (run) => took(run, view.now), align: "right", dropOrder: 5 },
  ];
  return renderTable(columns, runs, view);
}

/** From start to end, or to now. */
export function took(run: RunRow, now: number): string {
  const end = run.endedAt === null ? now : Date.parse(run.endedAt);
  return formatSeconds(end - Date.parse(run.startedAt));
}

/** One sentence on whether this run costs money now. */
export function billingSentence(run: RunRow, view: View): string {
  const sentences = {
    none: "nothing was rented",
    running: "still billing",
    ended: "ended",
    unconfirmed: "not confirmed ended: something may still be billing; see gpujob audit",
    "by-hand": "ends by your own hand; see gpujob audit",
  } as const satisfies Record<RunView["billing"], string>;
  return paint(sentences[run.billing], billingTone(run.billing), view);
}

function billingTone(billing: RunView["billing"]): ReturnType<typeof stateTone> {
  if (billing === "running") return "warn";
  return billing === "ended" || billing === "none" ? "dim" : "bad";
}
