import { formatDuration, formatMoney } from "@gpujob/spec";
import type {
  ConfigEntry,
  DoctorCheck,
  LearntPlace,
  MockMachine,
  PlatformRow,
  ReceiptEntry,
} from "@gpujob/sdk";
import { paint, stateTone } from "./style.ts";
import { renderTable } from "./table.ts";
import { tame, wrap } from "./text.ts";
import { formatSeconds } from "./units.ts";
import type { View } from "./view.ts";

/** The table of `platforms`. */
export function renderPlatforms(platforms: readonly PlatformRow[], view: View): readonly string[] {
  if (platforms.length === 0) {
    return ["No platforms are configured. Write one under platforms: in ~/.gpujob/config.yaml."];
  }
  const table = renderTable<PlatformRow>(
    [
      { header: "PLATFORM", value: ({ name }) => name },
      { header: "ADAPTER", value: ({ adapter }) => adapter },
      { header: "TITLE", value: ({ title }) => title, shrinkTo: 8, dropOrder: 2 },
      { header: "ENDED BY", value: ({ release }) => endedBy[release] },
      {
        header: "CREDENTIALS",
        value: ({ credentials }) => credentials.join(", "),
        shrinkTo: 11,
        dropOrder: 1,
      },
      { header: "FROM", value: ({ origin }) => origin, shrinkTo: 12, dropOrder: 3 },
    ],
    platforms,
    view,
  );
  return [...table, ...platforms.flatMap(({ learnt }) => sayLearnt(learnt, view))];
}

/** What own leases told: of a platform, and of each kind of machine where there are several. */
function sayLearnt(learnt: LearntPlace | undefined, view: View): readonly string[] {
  if (learnt === undefined) return [];
  const say = (subject: string, { seen }: LearntPlace, indent: string): readonly string[] =>
    wrap(`${indent}${subject}: ${tame(seen.join(", "))}.`, view.columns, `${indent}  `);
  const { types = [] } = learnt;
  return [
    ...say(`Learnt at ${tame(learnt.platform)}`, learnt, ""),
    ...(types.length < 2
      ? []
      : types.flatMap((each) => say(tame(each.instanceType ?? ""), each, "  "))),
  ];
}

/** Who ends what a platform bills. */
const endedBy = {
  api: "gpujob",
  "by-hand": "you",
  owned: "nothing to end",
} as const satisfies Record<PlatformRow["release"], string>;

/** The checks of `doctor`, each with what to do where something is wrong. */
export function renderDoctor(checks: readonly DoctorCheck[], view: View): readonly string[] {
  return checks.flatMap((check) => {
    const state = paint(check.state, stateTone(check.state), view);
    const text = `${state}  ${tame(`${check.subject} ${check.name}: ${check.message}`)}`;
    const hint =
      check.hint === undefined ? [] : wrap(`    ${tame(check.hint)}`, view.columns, "    ");
    return [...wrap(text, view.columns, "    "), ...hint];
  });
}

/** The table of `config`: every value and where it came from. */
export function renderConfig(entries: readonly ConfigEntry[], view: View): readonly string[] {
  if (entries.length === 0) return ["No settings."];
  return renderTable<ConfigEntry>(
    [
      { header: "KEY", value: ({ key }) => key },
      {
        header: "VALUE",
        value: ({ key, value }) => sayValue(key, value),
        shrinkTo: 16,
      },
      { header: "FROM", value: ({ origin }) => origin, shrinkTo: 12 },
    ],
    entries,
    view,
  );
}

/** Times are milliseconds in the data; here they stand as a configuration has them. */
function sayValue(key: string, value: unknown): string {
  if (key.startsWith("timeouts.") && typeof value === "number") return formatDuration(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The table of `mock meter`. */
export function renderMeter(machines: readonly MockMachine[], view: View): readonly string[] {
  if (machines.length === 0) return ["The mock markets have rented nothing."];
  return renderTable<MockMachine>(
    [
      { header: "PLATFORM", value: ({ platform }) => platform, shrinkTo: 8 },
      { header: "LEASE", value: ({ leaseId }) => leaseId },
      { header: "OFFER", value: ({ offer }) => offer },
      { header: "STATE", value: ({ endedAt }) => (endedAt === null ? "billing" : "ended") },
      {
        header: "BILLED",
        value: (machine) => formatSeconds(machine.billedSeconds * 1000),
        align: "right",
      },
      { header: "AMOUNT", value: ({ amount }) => formatMoney(amount), align: "right" },
    ],
    machines,
    view,
  );
}

/** The page of `show --receipt`: for every create what was meant, made, and how its end was seen. */
export function renderReceipt(entries: readonly ReceiptEntry[], view: View): readonly string[] {
  if (entries.length === 0) return ["Nothing was rented."];
  return entries.flatMap((entry) => [
    `Attempt ${entry.attempt}, member ${entry.member}: ${entry.platform} ${entry.offerId}, ${entry.state}`,
    `  lease     ${entry.leaseId ?? "none seen"} (key ${entry.leaseKey})`,
    `  intended  ${entry.intendedAt}`,
    `  created   ${entry.createdAt ?? "not confirmed"}`,
    `  billed    ${entry.billedFrom === null ? "nothing" : `${entry.billedFrom} to ${entry.billedTo ?? "now"}`}`,
    ...entry.looks.flatMap((look) =>
      wrap(`  ${look.at}  ${tame(look.what)}: ${tame(look.answer)}`, view.columns, "    "),
    ),
  ]);
}
