import type { DoctorCheck } from "@gpujob/sdk";
import { defineCommand } from "../definition.ts";
import type { Outcome } from "../definition.ts";
import { booleanFlag, textFlag } from "../flags.ts";
import { present } from "../present.ts";
import { renderDoctor } from "../render/places.ts";
import { probePlatform } from "../run/probe-platform.ts";

/** Checks that everything is ready. */
export const doctor = defineCommand({
  name: "doctor",
  summary: "Check credentials, balance, clock, SSH, store and proxy",
  description: "Ends with 1 when a check has failed.",
  examples: [
    "gpujob doctor",
    "gpujob doctor autodl",
    "gpujob doctor autodl --probe",
    "gpujob doctor --take r-k3v9x2",
  ],
  args: { platform: { summary: "Only this platform" } },
  flags: {
    take: textFlag("Take the drive lock of a run after a restored backup", "RUN"),
    forgive: booleanFlag("No longer avoid hosts whose cards failed in earlier runs"),
    probe: booleanFlag("Rent a machine there for some minutes and measure it"),
    gpu: textFlag('With --probe: this accelerator, such as "RTX4090"', "GPU"),
    host: textFlag("With --probe: this machine, in no configuration", "SSH"),
    yes: booleanFlag("With --probe: do not ask before renting", { char: "y" }),
  },
  run: async ({ flags, args }, context) => {
    if (flags.probe) {
      const { gpu, host, yes: isAgreed } = flags;
      const data = await probePlatform({ platform: args.platform, gpu, host, isAgreed }, context);
      return answer(data);
    }
    const gpujob = await context.gpujob();
    const options = {
      ...present({ platform: args.platform, takeRun: flags.take }),
      isForgiving: flags.forgive,
    };
    const data = await gpujob.doctor(options, { signal: context.signal });
    return answer(data);
  },
});

function answer(data: readonly DoctorCheck[]): Outcome<readonly DoctorCheck[]> {
  const hasFailed = data.some(({ state }) => state === "failed");
  // Which failure it is stands in the checks; the code only says that something is wrong.
  return { data, lines: (view) => renderDoctor(data, view), exitCode: hasFailed ? 1 : 0 };
}
