import { defineCommand } from "../definition.ts";
import { booleanFlag, laterFlag, textFlag } from "../flags.ts";
import { present } from "../present.ts";
import { renderDoctor } from "../render/places.ts";

/** Checks that everything is ready. */
export const doctor = defineCommand({
  name: "doctor",
  summary: "Check credentials, balance, clock, SSH, store and proxy",
  description: "Ends with 1 when a check has failed.",
  examples: ["gpujob doctor", "gpujob doctor autodl", "gpujob doctor --take r-k3v9x2"],
  args: { platform: { summary: "Only this platform" } },
  flags: {
    take: textFlag("Take the drive lock of a run after a restored backup", "RUN"),
    forgive: booleanFlag("No longer avoid hosts whose cards failed in earlier runs"),
    probe: laterFlag("boolean"),
  },
  run: async ({ flags, args }, context) => {
    const gpujob = await context.gpujob();
    const options = {
      ...present({ platform: args.platform, takeRun: flags.take }),
      isForgiving: flags.forgive,
    };
    const data = await gpujob.doctor(options, { signal: context.signal });
    const failed = data.filter(({ state }) => state === "failed");
    return {
      data,
      lines: (view) => renderDoctor(data, view),
      // Which failure it is stands in the checks; the code only says that something is wrong.
      exitCode: failed.length > 0 ? 1 : 0,
    };
  },
});
