import { defineCommand } from "../definition.ts";
import { booleanFlag, countFlag, laterFlag } from "../flags.ts";
import { freshnessFlags, readFreshness } from "../run/freshness-flags.ts";
import { jobFlags, readJobInput } from "../run/job-flags.ts";
import { presentPlan, rejectionsFor } from "../run/present-plan.ts";

/** Shows the decision that `submit` would take. */
export const plan = defineCommand({
  name: "plan",
  summary: "Show which machine submit would take, why, and what it would cost",
  examples: ["gpujob plan train.yaml", "gpujob plan train.yaml --explain --gpu H20"],
  args: { file: { summary: "Job file" } },
  rest: "[-- CMD...]",
  flags: {
    ...jobFlags,
    explain: booleanFlag("The price split and the reason of every row"),
    limit: countFlag("Rows shown; default 10", 1),
    ...freshnessFlags,
    out: laterFlag("option"),
    run: laterFlag("option"),
  },
  run: async ({ flags, args, rest }, context) => {
    const freshness = readFreshness(flags);
    const gpujob = await context.gpujob();
    const data = await gpujob.plan(readJobInput(flags, args.file, rest), {
      freshness,
      rejections: rejectionsFor(context, flags.explain),
      signal: context.signal,
    });
    return presentPlan(data, {
      isExplained: flags.explain,
      ...(flags.limit === undefined ? {} : { limit: flags.limit }),
    });
  },
});
