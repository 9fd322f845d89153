import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { listLanguageModels, resolveGpuName, statedVramGib } from "@gpujob/catalog";
import { modelDiskGib, shapeOf } from "@gpujob/scheduler";
import type { JobSpec, PlatformConfig } from "@gpujob/spec";
import {
  didYouMean,
  formatDuration,
  formatGib,
  formatMoney,
  GpujobError,
  jobDefaults,
  parseJobFile,
  unknownModel,
} from "@gpujob/spec";
import { quoteArgv } from "@gpujob/ssh";
import type { Configuration } from "./configuration.ts";
import type { JobInput } from "./gpujob.ts";
import type { Surroundings } from "./surroundings.ts";

/** A job that is read and checked, with what it brings beside the configuration. */
export interface JobSource {
  readonly job: JobSpec;
  /** What holds for this job, set or by default, said aloud by `plan`. */
  readonly terms: readonly string[];
  /** The platform of `--host`. */
  readonly adHoc?: PlatformConfig;
}

/** Name of the platform that `--host` makes. */
const adHocName = "host";

/** Reads a job from a file, an object and flags. Contacts nothing. Throws `spec_invalid` or `usage`. */
export async function readJob(
  input: JobInput,
  configuration: Configuration,
  around: Surroundings,
): Promise<JobSource> {
  const path = resolve(around.cwd, input.file ?? "job.yaml");
  const text = await readText(input, path);
  const written = parseJobFile({
    path,
    resolveName: resolveGpuName,
    statedVramGib,
    home: around.userHome,
    environment: { values: await environmentOf(input, around), shell: around.environment },
    defaults: { ...configuration.defaults, folder: around.cwd },
    ...(text === undefined ? {} : { text, label: input.file ?? basename(path) }),
    ...flagLayer(input, around),
  });
  const job = completeModel(written);
  return {
    job,
    terms: sayTerms(job),
    ...(input.host === undefined ? {} : { adHoc: adHocPlatform(input.host, input.sheet, around) }),
  };
}

/** A disk that the file does not ask for follows from the model. Throws `spec_invalid` for an unknown model. */
function completeModel(job: JobSpec): JobSpec {
  const { model, resources } = job;
  if (model?.name !== undefined && shapeOf(model) === undefined) {
    const names = listLanguageModels().map(({ id }) => id);
    const near = didYouMean(model.name, names).trim();
    throw unknownModel(
      model.name,
      `${near === "" ? `Known: ${names.join(", ")}.` : near} Else add its size, as \`params: 7B\`.`,
    );
  }
  const diskGib = modelDiskGib(job);
  if (diskGib === undefined || resources.diskGib !== undefined) return job;
  return { ...job, resources: { ...resources, diskGib: { min: diskGib }, isDiskEstimated: true } };
}

async function readText(input: JobInput, path: string): Promise<Buffer | string | undefined> {
  // JSON is YAML, so an object goes through the same checks as a file.
  if (input.job !== undefined) return JSON.stringify(input.job);
  if (input.file === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    throw new GpujobError("usage", `The job file ${input.file} cannot be read.`, {
      hint: `Looked for ${path}. gpujob init writes one.`,
      cause,
    });
  }
}

async function environmentOf(
  input: JobInput,
  around: Surroundings,
): Promise<Record<string, string | null>> {
  const values: Record<string, string | null> = {};
  if (input.environmentFile !== undefined) {
    const path = resolve(around.cwd, input.environmentFile);
    const text = await readFile(path, "utf8").catch((cause: unknown) => {
      throw new GpujobError("usage", `The environment file ${path} cannot be read.`, { cause });
    });
    for (const [key, value] of Object.entries(parseEnv(text))) values[key] = value ?? "";
  }
  for (const entry of input.environment ?? []) {
    const at = entry.indexOf("=");
    if (at < 0) values[entry] = null;
    else values[entry.slice(0, at)] = entry.slice(at + 1);
  }
  return values;
}

function flagLayer(
  input: JobInput,
  around: Surroundings,
): { readonly flags?: NonNullable<Parameters<typeof parseJobFile>[0]["flags"]> } {
  const values: Record<string, unknown> = { ...input.overrides };
  if (input.command !== undefined) values["run"] = quoteArgv(input.command);
  if (input.sheet !== undefined && input.host === undefined) {
    throw new GpujobError("usage", "--sheet says what a machine costs that --host names.", {
      hint: "Add --host 'ssh -p PORT USER@HOST', or name the machine under a platform with `adapter: rented`.",
    });
  }
  if (input.host !== undefined) values["platforms"] = { allow: [adHocName] };
  if (input.file === undefined && input.job === undefined) {
    values["name"] ??= nameOfFolder(around.cwd);
    values["workdir"] ??= ".";
  }
  if (Object.keys(values).length === 0) return {};
  return { flags: { values, where: flagOf, folder: around.cwd } };
}

/** The flag that stands for a key of the job file, where it has another name. */
const flagNames: ReadonlyMap<string, string> = new Map([
  ["limits.price", "--max-price"],
  ["limits.budget", "--budget"],
  ["limits.time", "--max-time"],
  ["startAt", "--start-at"],
  ["resources.gpu", "--gpu"],
  ["platforms.allow", "--platform"],
  ["run", "the command after --"],
]);

function flagOf(key: readonly PropertyKey[]): string {
  for (let length = key.length; length > 0; length -= 1) {
    const name = flagNames.get(key.slice(0, length).join("."));
    if (name !== undefined) return name;
  }
  return `--${key.map(String).join(".")}`;
}

/** A folder's name as a run's name; one with no letter that a name may have gives "job". */
function nameOfFolder(folder: string): string {
  const name = basename(folder)
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
    .replaceAll(/^[^A-Za-z0-9]+|-+$/g, "");
  return name.slice(0, 63) || "job";
}

/** Password of `--host --sheet`, where it is not reached by key. */
const passwordVariable = "GPUJOB_HOST_PASSWORD";

function adHocPlatform(
  host: string,
  sheet: string | undefined,
  { environment }: Surroundings,
): PlatformConfig {
  const hasPassword = (environment[passwordVariable] ?? "") !== "";
  const password = hasPassword ? { password: { env: passwordVariable } } : {};
  return {
    name: adHocName,
    adapter: sheet === undefined ? "ssh-host" : "rented",
    settings: {
      hosts: [sheet === undefined ? { ssh: host } : { ssh: host, sheet, ...password }],
    },
    timeouts: {},
    origin: "--host",
  };
}

function sayTerms({
  run,
  resources,
  model,
  market,
  expectedTimeMs,
  limits,
  profile,
}: JobSpec): readonly string[] {
  const { budget, pricePerHour, timeMs, holdMs } = limits;
  return [
    ...(run === undefined ? ["no run, so an interactive machine until gpujob stop"] : []),
    `${resources.nodes} node${resources.nodes === 1 ? "" : "s"}`,
    ...(resources.gpus.length === 0
      ? [model === undefined ? "no GPU asked for" : "any GPU that holds the model"]
      : []),
    ...(model === undefined || resources.diskGib?.min === undefined
      ? []
      : [`disk ${formatGib(resources.diskGib.min)}`]),
    `market ${market}`,
    ...(profile === jobDefaults.profile ? [] : [`profile ${profile}`]),
    `expected ${formatDuration(expectedTimeMs)}`,
    `limit ${formatDuration(timeMs)}`,
    `hold ${formatDuration(holdMs)}`,
    ...(pricePerHour === undefined ? [] : [`at most ${formatMoney(pricePerHour)}/h`]),
    budget === undefined ? "no budget" : `budget ${formatMoney(budget)}`,
  ];
}

/** Folder that relative paths of a job start from. */
export function jobFolder(input: JobInput, around: Surroundings): string {
  return input.file === undefined ? around.cwd : dirname(resolve(around.cwd, input.file));
}

/** Where outputs go when nobody says. */
export function defaultOutput(around: Surroundings, runId: string): string {
  return join(around.cwd, "outputs", runId);
}
