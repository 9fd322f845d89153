import { basename, dirname } from "node:path";
import type { GpuNames } from "./gpu.ts";
import type { JobSpec } from "./job.ts";
import { fillEnvironment, type JobEnvironment } from "./job-environment.ts";
import { jobKeyLore } from "./job-lore.ts";
import { absolutePaths, mergeJobs } from "./job-merge.ts";
import { createJobSchema, type JobValues } from "./job-schema.ts";
import { toJobSpec } from "./job-spec.ts";
import { checkLayer, type Layer, throwProblems, valueAt } from "./problems.ts";
import type { Problem } from "./position.ts";
import { checkTexts, readYamlLayer } from "./yaml-layer.ts";

/** Job-file keys that come from elsewhere than the job file: flags, or `defaults` of the configuration. */
export interface JobLayer {
  /** As they would stand in a job file. */
  readonly values: Readonly<Record<string, unknown>>;
  /** What to call the place of a value in messages, such as `--budget` or `gpujob.config.yaml:4:3`. */
  readonly where: (path: readonly PropertyKey[]) => string;
  /** Absolute folder that relative paths in it start from. */
  readonly folder: string;
}

/** Everything that a job is made from. */
export interface JobFileInput extends GpuNames {
  /** Content of the job file; absent: there is none, flags say it all. */
  readonly text?: string | Uint8Array;
  /** Absolute path of the job file, also where there is none: relative paths start at its folder. */
  readonly path: string;
  /** What to call the file in messages. @default its name */
  readonly label?: string;
  readonly environment?: JobEnvironment;
  /** Outranks the file. */
  readonly flags?: JobLayer;
  /** Yields to the file. */
  readonly defaults?: JobLayer;
  /** Absolute home folder, for `~/`. @default `HOME` of the shell */
  readonly home?: string;
}

interface CheckedLayer {
  readonly layer: Layer;
  readonly folder: string;
}

/**
 * Reads a job file and all that overrides it into a complete job: defaults filled in, paths absolute, secrets by
 * reference only. Contacts nothing and reads no file.
 * @throws `spec_invalid` that lists every problem with file, line, column and the next step.
 */
export function parseJobFile(input: JobFileInput): JobSpec {
  const layers = collectLayers(input);
  const makeSchema = (written?: unknown) => createJobSchema(input, written);
  const home = input.home ?? input.environment?.shell?.["HOME"];
  const problems: Problem[] = [];
  const checked: JobValues[] = [];
  for (const { layer, folder } of layers) {
    const result = checkLayer(makeSchema, layer, jobKeyLore);
    problems.push(
      ...result.problems,
      ...checkTexts(layer, ["env"]),
      ...checkTexts(layer, ["labels"]),
    );
    const base = home === undefined ? { folder } : { folder, home };
    if (result.value !== undefined) checked.push(absolutePaths(result.value, base));
  }
  throwProblems("spec_invalid", problems, hint);
  return finish(mergeJobs(checked), layers, input);
}

const hint = "`gpujob schema job` prints every key and what it takes.";

function collectLayers(input: JobFileInput): readonly CheckedLayer[] {
  const layers: CheckedLayer[] = [];
  if (input.flags !== undefined) layers.push(fromOutside(input.flags));
  if (input.text !== undefined) {
    const { layer, problems } = readYamlLayer(input.text, input.label ?? basename(input.path));
    throwProblems("spec_invalid", problems, hint);
    if (layer !== undefined) layers.push({ layer, folder: dirname(input.path) });
  }
  if (input.defaults !== undefined) layers.push(fromOutside(input.defaults));
  return layers;
}

function fromOutside({ values, where, folder }: JobLayer): CheckedLayer {
  return { layer: { value: values, where: (path) => where(path) }, folder };
}

function finish(values: JobValues, layers: readonly CheckedLayer[], input: JobFileInput): JobSpec {
  const whereOf = (path: readonly PropertyKey[]): string => {
    const owner = layers.find(({ layer }) => valueAt(layer.value, path) !== undefined);
    return owner?.layer.where(path) ?? input.label ?? basename(input.path);
  };
  const filled = fillEnvironment(values.env ?? {}, input.environment ?? {}, whereOf);
  const { job, problems } = toJobSpec(values, {
    environment: filled.environment,
    whereOf,
    path: input.path,
  });
  throwProblems("spec_invalid", [...filled.problems, ...problems], hint);
  return job;
}
