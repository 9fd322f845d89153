import type { CommandContext } from "../context.ts";
import { usage } from "../flags.ts";
import type { JobDraft } from "../render/job-file.ts";

/** What `init` was told by flags. */
export interface GivenJob {
  readonly name: string | undefined;
  readonly gpu: string | undefined;
  readonly run: string | undefined;
  readonly setup: string | undefined;
  readonly outputs: readonly string[];
  readonly budget: string | undefined;
  readonly time: string | undefined;
}

/** Completes a draft by questions on a terminal; elsewhere `--run` is needed and the rest stays as given. */
export async function askForJob(given: GivenJob, context: CommandContext): Promise<JobDraft> {
  const isComplete = given.run !== undefined;
  if (!isComplete && !context.canAsk) {
    throw usage(
      "init has no terminal to ask on.",
      "Give at least --run CMD, and --gpu GPU if it needs one.",
    );
  }
  const folder = context.cwd.split("/").findLast((part) => part !== "") ?? "job";
  const fallbackName = folder
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  if (isComplete) {
    return { ...given, name: given.name ?? (fallbackName || "job"), run: given.run ?? "" };
  }
  const ask = async (value: string | undefined, question: string, initial = ""): Promise<string> =>
    value ?? (await context.prompts.text(question, initial === "" ? {} : { initial })).trim();
  return {
    name: await ask(given.name, "Name of the job", fallbackName || "job"),
    run: await ask(given.run, "What to run", "python train.py"),
    setup: await ask(given.setup, "What to do before (empty: nothing)"),
    gpu: await ask(given.gpu, "Accelerator, such as RTX4090:24GB:1 (empty: none)"),
    outputs:
      given.outputs.length > 0
        ? given.outputs
        : words(await ask(undefined, "Files to bring back (globs, empty: none)")),
    budget: await ask(given.budget, "Most for the whole run, such as 50 CNY (empty: no limit)"),
    time: await ask(given.time, "Longest time", "6h"),
  };
}

function words(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}
