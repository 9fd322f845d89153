import type { JobInput } from "@gpujob/sdk";
import { booleanFlag, choiceFlag, listFlag, textFlag, usage } from "../flags.ts";

/** For whom offers are ranked. */
export const profileFlag = textFlag(
  "Rank for such a user: student, university, start-up …",
  "PROFILE",
);

/** Flags of `submit` and `plan` that say what the job is. */
export const jobFlags = {
  name: textFlag("Name of the run", "NAME", { char: "n" }),
  env: listFlag("Environment of the job; KEY alone takes the value from here", "KEY[=VALUE]", {
    char: "e",
  }),
  "env-file": textFlag("File of KEY=value lines", "FILE"),
  gpu: textFlag('Accelerator, such as "A100:80GB:2"', "GPU"),
  platform: listFlag("Only on this platform; may be repeated", "NAME"),
  market: choiceFlag("Kind of machine", ["on-demand", "spot", "auto"]),
  region: listFlag("Only in regions like this; may be repeated", "GLOB"),
  "max-price": textFlag('Most per hour for all nodes, such as "3 CNY/h"', "MONEY"),
  budget: textFlag('Most for the whole run, such as "50 CNY"', "MONEY"),
  "max-time": textFlag("Longest time for the whole run, such as 6h", "TIME"),
  queue: textFlag("Wait so long for stock", "TIME"),
  "start-at": textFlag('Begin then, such as "02:00 Asia/Shanghai"', "WHEN"),
  deadline: textFlag('Be done by then, such as "2026-12-01T08:00+08:00"', "WHEN"),
  keep: textFlag("Keep the machine so long after the job (paid)", "TIME"),
  host: textFlag('This machine, such as "ssh -p 34222 root@HOST"', "SSH"),
  sheet: textFlag(
    "Price sheet of --host, such as gpushare/rtx4090: it was rented by hand",
    "SHEET",
  ),
  profile: profileFlag,
  probe: booleanFlag("Measure each machine before it is used"),
  hedge: booleanFlag("Ask two offers at once, keep the first that boots"),
};

interface JobFlagValues {
  readonly name: string | undefined;
  readonly env: readonly string[];
  readonly "env-file": string | undefined;
  readonly gpu: string | undefined;
  readonly platform: readonly string[];
  readonly market: string | undefined;
  readonly region: readonly string[];
  readonly "max-price": string | undefined;
  readonly budget: string | undefined;
  readonly "max-time": string | undefined;
  readonly queue: string | undefined;
  readonly "start-at": string | undefined;
  readonly deadline: string | undefined;
  readonly keep: string | undefined;
  readonly host: string | undefined;
  readonly sheet: string | undefined;
  readonly profile: string | undefined;
  readonly probe: boolean;
  readonly hedge: boolean;
}

/** The job as the library takes it. Throws `usage` when the line names no job at all, unless it may. */
export function readJobInput(
  flags: JobFlagValues,
  file: string | undefined,
  command: readonly string[],
  { isOptional = false }: { readonly isOptional?: boolean } = {},
): JobInput {
  const isNamed = file !== undefined || command.length > 0 || flags.host !== undefined;
  if (!isNamed && !isOptional) {
    throw usage(
      "No job: name a file, or give a command after --.",
      "gpujob init writes a file; gpujob submit --gpu RTX4090 -- python train.py needs none.",
    );
  }
  const overrides = readOverrides(flags);
  return {
    ...(file === undefined ? {} : { file }),
    ...(Object.keys(overrides).length === 0 ? {} : { overrides }),
    ...(flags.env.length === 0 ? {} : { environment: flags.env }),
    ...(flags["env-file"] === undefined ? {} : { environmentFile: flags["env-file"] }),
    ...(command.length === 0 ? {} : { command }),
    ...(flags.host === undefined ? {} : { host: flags.host }),
    ...(flags.sheet === undefined ? {} : { sheet: flags.sheet }),
  };
}

function readOverrides(flags: JobFlagValues): Record<string, unknown> {
  const limits = compact({
    price: flags["max-price"],
    budget: flags.budget,
    time: flags["max-time"],
  });
  return compact({
    name: flags.name,
    resources: flags.gpu === undefined ? undefined : { gpu: flags.gpu },
    platforms: flags.platform.length === 0 ? undefined : { allow: flags.platform },
    market: flags.market,
    region: flags.region.length === 0 ? undefined : flags.region,
    limits: Object.keys(limits).length === 0 ? undefined : limits,
    queue: flags.queue,
    startAt: flags["start-at"],
    deadline: flags.deadline,
    keep: flags.keep,
    profile: flags.profile,
    probe: flags.probe ? "quick" : undefined,
    hedge: flags.hedge ? 2 : undefined,
  });
}

function compact(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
