import { defineCommand } from "../definition.ts";
import { endOfRun } from "../exit-codes.ts";

/** Drives one run in the background; started by the library. */
export const drive = defineCommand({
  name: "drive",
  summary: "Drive one run until it is settled",
  examples: ["gpujob drive r-k3v9x2"],
  args: { run: { summary: "Id", required: true } },
  flags: {},
  hidden: true,
  run: async ({ args }, context) => {
    const data = await (await context.gpujob()).drive(args.run, { signal: context.signal });
    return { data, exitCode: endOfRun(data).exitCode };
  },
});
