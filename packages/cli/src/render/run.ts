import { formatBytes, formatMoney } from "@gpujob/spec";
import type { AttemptView, RunView } from "@gpujob/spec";
import type { RunDetail } from "@gpujob/sdk";
import { billingSentence, took } from "./runs.ts";
import { paint, stateTone } from "./style.ts";
import type { Column } from "./table.ts";
import { renderTable } from "./table.ts";
import { pad, tame, wrap } from "./text.ts";
import { formatAge, formatSeconds } from "./units.ts";
import type { View } from "./view.ts";

/**
 * The few lines at the end of `submit`, `wait` and `stop`: how it went, where things are, what it cost.
 * `outputFolder` is where this call brought the outputs, as the user wrote it.
 */
export function renderSummary(run: RunView, view: View, outputFolder?: string): readonly string[] {
  return [headline(run, view), ...facts(run, view, outputFolder), ...renderAttempts(run, view, 2)];
}

/** The page of `show`. */
export function renderRun(run: RunDetail, view: View): readonly string[] {
  return [
    headline(run, view),
    ...facts(run, view),
    "",
    ...renderAttempts(run, view, 1),
    "",
    ...renderTimeline(run, view),
  ];
}

function headline(run: RunView, view: View): string {
  const state = paint(run.state, stateTone(run.state), view);
  const code = run.exitCode === null ? "" : `, exit code ${run.exitCode}`;
  return `${paint(run.id, "strong", view)} ${tame(run.name)}: ${state}${code}, ${took(run, view.now)}`;
}

function facts(run: RunView | RunDetail, view: View, outputFolder?: string): readonly string[] {
  const folder = outputFolder ?? ("outputFolder" in run ? run.outputFolder : undefined);
  const quoted = run.quoted === null ? "" : ` (quoted ${formatMoney(run.quoted)})`;
  const entries: (readonly [string, string])[] = [];
  const reason = run.failure?.message ?? run.reason;
  if (reason !== null) entries.push(["Reason", tame(reason)]);
  if (run.failure?.hint !== undefined) entries.push(["Next", tame(run.failure.hint)]);
  if ("timeline" in run) entries.push(...liveFacts(run, view));
  if (run.outputs.length > 0) entries.push(["Outputs", outputsSentence(run.outputs, folder)]);
  entries.push(
    ["Cost", `${formatMoney(run.cost)}${quoted}`],
    ["Billing", billingSentence(run, view)],
    ...(run.notes ?? []).map((note): readonly [string, string] => ["Note", tame(note)]),
  );
  return entries.flatMap(([name, text], index) => {
    const label = entries[index - 1]?.[0] === name ? "" : name;
    return wrap(`  ${pad(label, 9, "left")}${text}`, view.columns, " ".repeat(11));
  });
}

/** A few names; all of them are in the folder and in the JSON. */
function outputsSentence(outputs: readonly string[], folder: string | undefined): string {
  const shown = outputs.slice(0, 5).map(tame).join(", ");
  const more = outputs.length > 5 ? ` and ${outputs.length - 5} more` : "";
  return folder === undefined ? `${shown}${more}` : `${folder}: ${shown}${more}`;
}

function liveFacts(run: RunDetail, view: View): readonly (readonly [string, string])[] {
  const entries: (readonly [string, string])[] = [];
  if (run.platform !== null) entries.push(["Platform", run.platform]);
  if (run.driver) {
    entries.push(["Driver", `${driverName(run.driver.owner)}${run.driver.alive ? "" : " (gone)"}`]);
  }
  if (run.lastBeat) {
    const { at, gpuPercent, cpuPercent, memoryGib, diskFreeGib } = run.lastBeat;
    const parts = [
      ...(gpuPercent === undefined ? [] : [`GPU ${Math.round(gpuPercent)} %`]),
      ...(cpuPercent === undefined ? [] : [`CPU ${Math.round(cpuPercent)} %`]),
      ...(memoryGib === undefined ? [] : [`memory ${memoryGib.toFixed(1)} GiB`]),
      ...(diskFreeGib === undefined ? [] : [`disk free ${diskFreeGib.toFixed(0)} GiB`]),
      formatAge(at, view.now),
    ];
    entries.push(["Machine", parts.join(", ")]);
  }
  if (run.checkpoint) {
    const { at, files, bytes } = run.checkpoint;
    entries.push([
      "Saved",
      `checkpoint of ${files} ${files === 1 ? "file" : "files"}, ${formatBytes(bytes)}, ${formatAge(at, view.now)}`,
    ]);
  }
  return entries;
}

/** A driver's name holds its computer and its process, between what tells that they are still the same ones. */
function driverName(owner: string): string {
  const [program, host, , process] = owner.split("/");
  return tame(
    program !== "gpujob" || process === undefined ? owner : `process ${process} on ${host}`,
  );
}

/** One line per attempt once there are `atLeast`; a single one says nothing that the headline does not. */
function renderAttempts(run: RunView, view: View, atLeast: number): readonly string[] {
  if (run.attempts.length < atLeast) return [];
  const end = (attempt: AttemptView): number =>
    attempt.endedAt === null ? view.now : Date.parse(attempt.endedAt);
  const columns: readonly Column<AttemptView>[] = [
    { header: "ATTEMPT", value: ({ number }) => String(number), align: "right" },
    { header: "PLATFORM", value: ({ platform }) => platform, shrinkTo: 8 },
    { header: "OFFER", value: ({ offerId }) => offerId, dropOrder: 1 },
    { header: "STATE", value: ({ state }) => state, tone: ({ state }) => stateTone(state) },
    {
      header: "TOOK",
      value: (attempt) => formatSeconds(end(attempt) - Date.parse(attempt.startedAt)),
      align: "right",
      dropOrder: 2,
    },
    {
      header: "COST",
      value: ({ cost }) => (cost === null ? "unknown" : formatMoney(cost)),
      align: "right",
    },
  ];
  const reasons = run.attempts.flatMap(({ number, reason }) =>
    // The last one's is the run's own and stands above.
    reason === null || reason === run.reason
      ? []
      : wrap(`  Attempt ${number}: ${tame(reason)}`, view.columns, "    "),
  );
  return [...renderTable(columns, run.attempts, view), ...reasons];
}

function renderTimeline(run: RunDetail, view: View): readonly string[] {
  return run.timeline.flatMap((entry) => {
    const attempt = entry.attempt === null ? "" : `[${entry.attempt}] `;
    return wrap(
      `${clockOf(entry.at)}  ${attempt}${tame(entry.message)}`,
      view.columns,
      " ".repeat(12),
    );
  });
}

/** The time of day in UTC, such as `08:30:00`. */
export function clockOf(at: string): string {
  return at.slice(11, 19);
}
