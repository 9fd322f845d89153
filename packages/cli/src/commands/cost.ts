import { groupCost } from "../cost-groups.ts";
import { defineCommand } from "../definition.ts";
import { booleanFlag, choiceFlag, textFlag, usage, valueFlag } from "../flags.ts";
import { present } from "../present.ts";
import { readSince } from "../read-values.ts";
import { renderAdvice } from "../render/advice.ts";
import { renderCost, renderCostCsv, renderCostGroups } from "../render/cost.ts";

/** Shows the money. */
export const cost = defineCommand({
  name: "cost",
  summary: "Show what runs have cost",
  examples: [
    "gpujob cost --since 7d --by platform",
    "gpujob cost --run r-k3v9x2",
    "gpujob cost --csv",
    "gpujob cost --advise --since 90d",
  ],
  args: {},
  flags: {
    since: valueFlag("Only what was charged since: 7d, or a date", "TIME", readSince),
    run: textFlag("Only this run", "RUN"),
    by: choiceFlag("One line per group", ["run", "platform", "day", "label"]),
    csv: booleanFlag("Comma-separated values"),
    advise: booleanFlag("Compare own use with whole days, weeks and months; buys nothing"),
  },
  run: async ({ flags }, context) => {
    if (flags.advise && (flags.csv || flags.by !== undefined || flags.run !== undefined))
      throw usage("--advise looks at all runs: leave --by, --csv and --run out.");
    if (flags.csv && flags.by !== undefined) throw usage("--csv gives every line; leave --by out.");
    const gpujob = await context.gpujob();
    const since = flags.since?.(context.now());
    if (flags.advise) {
      const terms = await gpujob.adviseTerms(present({ since }));
      return { data: terms, lines: (view) => renderAdvice(terms, view) };
    }
    const data = await gpujob.cost(present({ since, run: flags.run }));
    const { by } = flags;
    if (by === undefined) {
      return {
        data,
        lines: (view) => (flags.csv ? renderCostCsv(data) : renderCost(data, view)),
      };
    }
    const runs = by === "label" ? await gpujob.listRuns({ all: true }) : [];
    const groups = groupCost(data.lines, by, runs);
    return {
      data: { ...data, groups },
      lines: (view) => renderCostGroups(groups, data.total, view),
    };
  },
});
