import { openAdopting } from "../context.ts";
import { defineCommand } from "../definition.ts";
import { valueFlag } from "../flags.ts";
import { readDuration } from "../read-values.ts";
import { waitForRuns } from "../run/wait-for-runs.ts";

/** Waits for runs to end. */
export const wait = defineCommand({
  name: "wait",
  summary: "Wait until runs have ended, and end with their exit code",
  description: "With several runs: the first code that is not zero, in the order given.",
  examples: ["gpujob wait r-k3v9x2", "gpujob wait r-k3 r-p7 --timeout 2h"],
  args: { run: { summary: "Id, the start of one, or a name; default the newest", multiple: true } },
  flags: { timeout: valueFlag("Give up waiting after this; exit code 124", "TIME", readDuration) },
  run: async ({ flags, args }, context) => {
    const gpujob = await openAdopting(context);
    return waitForRuns(gpujob, args.run, flags.timeout, context);
  },
});
