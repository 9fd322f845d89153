import { openAdopting } from "../context.ts";
import { defineCommand } from "../definition.ts";
import { booleanFlag, countFlag } from "../flags.ts";
import type { RunRow } from "../render/runs.ts";
import { renderRuns } from "../render/runs.ts";
import { watchLines } from "../run/watch-lines.ts";

/** Lists runs. */
export const ps = defineCommand({
  name: "ps",
  summary: "List runs: those that go on, or all with -a",
  examples: ["gpujob ps", "gpujob ps -a -n 20", "gpujob stop $(gpujob ps -q)"],
  args: {},
  flags: {
    all: booleanFlag("Ended ones too", { char: "a" }),
    watch: booleanFlag("Keep showing them until Ctrl-C", { char: "w" }),
    quiet: booleanFlag("Ids only", { char: "q" }),
    limit: countFlag("The newest N, ended ones too", 1, { char: "n" }),
  },
  run: async ({ flags }, context) => {
    const gpujob = await openAdopting(context);
    const read = async (): Promise<readonly RunRow[]> => {
      const runs = await gpujob.listRuns({
        all: flags.all || flags.limit !== undefined,
        ...(flags.limit === undefined ? {} : { limit: flags.limit }),
      });
      return runs.map(({ attempts: _attempts, ...row }) => row);
    };
    if (flags.watch) return watchLines(read, renderRuns, () => false, context);
    const rows = await read();
    return {
      data: rows,
      lines: (view) => {
        if (flags.quiet) return rows.map(({ id }) => id);
        if (rows.length === 0 && !flags.all) return ["No run goes on; -a lists ended ones too."];
        return renderRuns(rows, view);
      },
    };
  },
});
