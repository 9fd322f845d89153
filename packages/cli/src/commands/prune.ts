import { formatBytes } from "@gpujob/spec";
import { defineCommand } from "../definition.ts";
import { booleanFlag, usage, valueFlag } from "../flags.ts";
import { readDuration } from "../read-values.ts";
import { formatSeconds } from "../render/units.ts";

/** Removes what is kept of old runs. */
export const prune = defineCommand({
  name: "prune",
  summary: "Remove what is kept of old runs: logs, saved code, checkpoints",
  examples: ["gpujob prune", "gpujob prune --older-than 7d -y"],
  args: {},
  flags: {
    "older-than": valueFlag("Only runs that ended so long ago; default 30d", "TIME", readDuration),
    yes: booleanFlag("Do not ask", { char: "y" }),
  },
  run: async ({ flags }, context) => {
    const age = flags["older-than"] ?? 30 * 86_400_000;
    if (!flags.yes && !context.canAsk) {
      throw usage(
        "prune asks first, and there is no terminal to ask on.",
        "Add -y to remove without being asked.",
      );
    }
    const question = `Remove what is kept of runs that ended more than ${formatSeconds(age)} ago?`;
    if (!flags.yes && !(await context.prompts.confirm(question))) {
      return { data: { runs: 0, bytes: 0 }, lines: () => ["Nothing was removed."] };
    }
    const data = await (await context.gpujob()).prune({ before: context.now() - age });
    return {
      data,
      lines: () => [`Removed ${data.runs} runs, ${formatBytes(data.bytes)}.`],
    };
  },
});
