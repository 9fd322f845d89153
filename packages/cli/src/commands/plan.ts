import { defineCommand } from "../definition.ts";
import { booleanFlag, countFlag, textFlag, usage } from "../flags.ts";
import { freshnessFlags, readFreshness } from "../run/freshness-flags.ts";
import { jobFlags, readJobInput } from "../run/job-flags.ts";
import { presentPastPlan, presentPlan, rejectionsFor } from "../run/present-plan.ts";

/** Shows the decision that `submit` would take. */
export const plan = defineCommand({
  name: "plan",
  summary: "Show which machine submit would take, why, and what it would cost",
  examples: [
    "gpujob plan train.yaml",
    "gpujob plan train.yaml --explain --gpu H20",
    "gpujob plan train.yaml --out plan.json",
    "gpujob plan --run r-k3v9x2",
  ],
  args: { file: { summary: "Job file" } },
  rest: "[-- CMD...]",
  flags: {
    ...jobFlags,
    explain: booleanFlag("The price split and the reason of every row"),
    limit: countFlag("Rows shown; default 10", 1),
    ...freshnessFlags,
    out: textFlag("Write the plan there too, for submit --plan", "FILE"),
    run: textFlag("The decision of this run again, with the prices seen then", "RUN"),
  },
  run: async ({ flags, args, rest }, context) => {
    const freshness = readFreshness(flags);
    const gpujob = await context.gpujob();
    const view = {
      isExplained: flags.explain,
      ...(flags.limit === undefined ? {} : { limit: flags.limit }),
    };
    if (flags.run !== undefined) {
      if (args.file !== undefined || rest.length > 0 || flags.out !== undefined)
        throw usage("plan --run shows what a run decided, so it takes no job and no --out.");
      return presentPastPlan(await gpujob.pastPlan(flags.run), view);
    }
    const data = await gpujob.plan(readJobInput(flags, args.file, rest), {
      freshness,
      rejections: rejectionsFor(context, flags.explain),
      ...(flags.out === undefined ? {} : { out: flags.out }),
      signal: context.signal,
    });
    return presentPlan(data, view);
  },
});
