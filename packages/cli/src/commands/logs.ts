import { openAdopting } from "../context.ts";
import { defineCommand } from "../definition.ts";
import { booleanFlag, countFlag, valueFlag } from "../flags.ts";
import { present } from "../present.ts";
import { readNumberOrAll, readSince } from "../read-values.ts";
import { streamLogs, streamTimeline } from "../run/stream-logs.ts";

/** Shows a job's log. */
export const logs = defineCommand({
  name: "logs",
  summary: "Show the log of a run, also after its machine is gone",
  description:
    "With -f the command ends with the job and with its exit code. Ctrl-C ends only the view.",
  examples: ["gpujob logs -f", "gpujob logs qwen-lora --tail 50", "gpujob logs r-k3 --events"],
  args: { run: { summary: "Id, the start of one, or a name; default the newest" } },
  flags: {
    follow: booleanFlag("Go on until the run ends", { char: "f" }),
    since: valueFlag("Only what is newer: 10m, or a time", "TIME", readSince),
    tail: countFlag("Only the last N lines", 0),
    attempt: valueFlag("Which attempt; default the newest", "N|all", readNumberOrAll(1)),
    node: countFlag("Only this node", 0),
    events: booleanFlag("What happened in the run, instead of the job's log"),
  },
  run: async ({ flags, args }, context) => {
    const gpujob = await openAdopting(context);
    const { follow, tail, attempt, node } = flags;
    if (flags.events) return streamTimeline(gpujob, args.run, follow, context);
    const since = flags.since?.(context.now());
    return streamLogs(
      gpujob,
      args.run,
      { follow, ...present({ since, tail, attempt, node }) },
      context,
    );
  },
});
