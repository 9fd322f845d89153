import { defineCommand } from "../definition.ts";
import { booleanFlag, listFlag, textFlag } from "../flags.ts";
import { renderJobFile } from "../render/job-file.ts";
import { askForJob } from "../run/ask-for-job.ts";
import { writeNewFile } from "../run/write-new-file.ts";

/** Writes a job file. */
export const init = defineCommand({
  name: "init",
  summary: "Write a job file, by questions on a terminal or from flags",
  examples: ["gpujob init", "gpujob init train.yaml --gpu RTX4090 --run 'python train.py'"],
  args: { file: { summary: "Where to write; default job.yaml" } },
  flags: {
    name: textFlag("Name of the job", "NAME", { char: "n" }),
    gpu: textFlag('Accelerator, such as "RTX4090:24GB"', "GPU"),
    run: textFlag("What to run", "CMD"),
    setup: textFlag("What to do before, such as pip install", "CMD"),
    outputs: listFlag("Files to bring back; may be repeated", "GLOB"),
    budget: textFlag('Most for the whole run, such as "50 CNY"', "MONEY"),
    "max-time": textFlag("Longest time, such as 6h", "TIME"),
    force: booleanFlag("Replace a file that is there"),
  },
  run: async ({ flags, args }, context) => {
    const file = args.file ?? "job.yaml";
    const { name, gpu, run, setup, outputs, budget } = flags;
    const given = { name, gpu, run, setup, outputs, budget, time: flags["max-time"] };
    const job = await askForJob(given, context);
    const lines = renderJobFile(job);
    const path = await writeNewFile(file, `${lines.join("\n")}\n`, flags.force, context.cwd);
    return {
      data: { file: path },
      lines: () => [`Wrote ${file}. Next: gpujob plan ${file}`],
    };
  },
});
