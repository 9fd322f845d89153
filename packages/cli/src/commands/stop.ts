import { defineCommand } from "../definition.ts";
import { openAdopting } from "../context.ts";
import { booleanFlag, textFlag } from "../flags.ts";
import { renderSummary } from "../render/run.ts";
import { stopRuns } from "../run/stop-runs.ts";

/** Ends runs. */
export const stop = defineCommand({
  name: "stop",
  summary: "End runs: save, fetch the outputs, release; or at once with --now",
  examples: ["gpujob stop r-k3v9x2", "gpujob stop --all --now", "gpujob stop --key nightly-42"],
  args: { run: { summary: "Ids, starts of ids, or names with one match", multiple: true } },
  flags: {
    now: booleanFlag("At once: no checkpoint, no outputs"),
    all: booleanFlag("Every run that goes on"),
    key: textFlag("The run that was submitted with this idempotency key", "KEY"),
  },
  run: async ({ flags, args }, context) => {
    const gpujob = await openAdopting(context);
    const { runs, failure } = await stopRuns(gpujob, args.run, flags, context);
    return {
      data: runs,
      lines: (view) =>
        runs.length === 0 ? ["No run goes on."] : runs.flatMap((run) => renderSummary(run, view)),
      ...(failure ? { failure } : {}),
    };
  },
});
