import { openAdopting } from "../context.ts";
import { defineCommand } from "../definition.ts";
import { endOfRun } from "../exit-codes.ts";
import { formatSeconds } from "../render/units.ts";

/** Interrupts a run on purpose. */
export const drill = defineCommand({
  name: "drill",
  summary: "Interrupt a running job on purpose and see it go on elsewhere",
  examples: ["gpujob drill r-k3v9x2"],
  args: { run: { summary: "Id, the start of one, or a name with one match", required: true } },
  flags: {},
  run: async ({ args }, context) => {
    const gpujob = await openAdopting(context);
    await context.say(`Interrupting ${args.run}. Ctrl-C ends only this wait.`);
    const data = await gpujob.drillRun(args.run, { signal: context.signal });
    const took = formatSeconds(data.seconds * 1000);
    if (data.to === null) {
      const line = `${data.run.id} ended after ${took}: ${data.run.reason ?? data.run.state}`;
      return { data, lines: () => [line], exitCode: endOfRun(data.run).exitCode };
    }
    const start = data.isFromCheckpoint ? "from its checkpoint" : "from its beginning";
    const where = `attempt ${data.to}, on ${data.run.platform ?? "another machine"}`;
    return { data, lines: () => [`${data.run.id} runs again after ${took}, ${start}: ${where}.`] };
  },
});
