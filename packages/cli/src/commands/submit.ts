import { defineCommand } from "../definition.ts";
import { booleanFlag, textFlag, usage, valueFlag } from "../flags.ts";
import { openAdopting } from "../context.ts";
import { finishRun } from "../run/end-of-run.ts";
import { followRun } from "../run/follow-run.ts";
import { confirmPlan } from "../run/confirm-plan.ts";
import { jobFlags, readJobInput } from "../run/job-flags.ts";
import { readPlanned, readShare } from "../run/planned-flags.ts";
import { present } from "../present.ts";
import { presentPlan, rejectionsFor } from "../run/present-plan.ts";

/** Runs a job to the end on the cheapest machine that fits. */
export const submit = defineCommand({
  name: "submit",
  summary: "Rent a machine, run a job, bring its outputs back, release the machine",
  examples: [
    "gpujob submit train.yaml",
    "gpujob submit train.yaml --dry-run",
    "gpujob submit train.yaml -y -d -e EPOCHS=3",
    "gpujob submit --plan plan.json -y",
    "gpujob submit --gpu RTX4090 --budget '20 CNY' -- python train.py",
  ],
  args: { file: { summary: "Job file" } },
  rest: "[-- CMD...]",
  flags: {
    ...jobFlags,
    detach: booleanFlag("Run in the background; prints only the id", { char: "d" }),
    "dry-run": booleanFlag("Show the plan, rent nothing"),
    yes: booleanFlag("Do not ask before renting", { char: "y" }),
    output: textFlag("Where the outputs go; default ./outputs/RUN", "DIR"),
    "idempotency-key": textFlag("The same key again means the same run", "KEY"),
    on: textFlag("Use this run's kept machine; sends changes only", "RUN"),
    from: textFlag("Today's code with this run's checkpoint", "RUN"),
    plan: textFlag("Rent what this plan says, or nothing; see plan --out", "FILE"),
    tolerance: valueFlag(
      "With --plan: so much dearer is the same; default 2%",
      "PERCENT",
      readShare,
    ),
  },
  run: async ({ flags, args, rest }, context) => {
    const planned = readPlanned(flags);
    const job = readJobInput(flags, args.file, rest, { isOptional: planned !== undefined });
    if (flags["dry-run"]) {
      const rejections = rejectionsFor(context, false);
      const gpujob = await context.gpujob();
      const plan = await gpujob.plan(job, {
        rejections,
        ...present({ planned }),
        signal: context.signal,
      });
      return presentPlan(plan);
    }
    if (!flags.yes && !context.canAsk) {
      throw usage(
        "submit asks before it rents, and there is no terminal to ask on.",
        "Add -y to rent without being asked, or --dry-run to see the plan.",
      );
    }
    const gpujob = await openAdopting(context);
    const key = flags["idempotency-key"];
    const { output, on, from, detach } = flags;
    const given = { output, idempotencyKey: key, on, from, planned };
    const run = await gpujob.submit(
      { ...job, ...present(given), detach, confirm: confirmPlan(flags.yes, context, on) },
      { signal: context.signal },
    );
    if (!run.isNew) await context.warn(`Run ${run.id} was submitted before with this key.`);
    if (detach) return { data: await gpujob.showRun(run.id), lines: () => [run.id] };
    const folder = output ?? `./outputs/${run.id}`;
    return finishRun(await followRun(run, gpujob, context), context, folder);
  },
});
