import { openAdopting } from "../context.ts";
import { defineCommand } from "../definition.ts";
import { booleanFlag, usage } from "../flags.ts";
import { confirmPlan } from "../run/confirm-plan.ts";
import { finishRun } from "../run/end-of-run.ts";
import { followRun } from "../run/follow-run.ts";

/** Runs a job again. */
export const retry = defineCommand({
  name: "retry",
  summary: "Run a job again with its saved code and last checkpoint",
  examples: ["gpujob retry r-k3v9x2", "gpujob retry qwen-lora --fresh -d -y"],
  args: { run: { summary: "Id, the start of one, or a name with one match", required: true } },
  flags: {
    fresh: booleanFlag("Without the checkpoint"),
    detach: booleanFlag("Run in the background; prints only the id", { char: "d" }),
    yes: booleanFlag("Do not ask before renting", { char: "y" }),
  },
  run: async ({ flags, args }, context) => {
    if (!flags.yes && !context.canAsk) {
      throw usage(
        "retry asks before it rents, and there is no terminal to ask on.",
        "Add -y to rent without being asked.",
      );
    }
    const gpujob = await openAdopting(context);
    const { fresh, detach } = flags;
    const confirm = confirmPlan(flags.yes, context);
    const options = { fresh, detach, confirm };
    const run = await gpujob.retryRun(args.run, options, { signal: context.signal });
    if (detach) return { data: await gpujob.showRun(run.id), lines: () => [run.id] };
    return finishRun(await followRun(run, gpujob, context), context, `./outputs/${run.id}`);
  },
});
