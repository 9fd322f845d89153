import { basename, dirname } from "node:path";
import { findLiteralSecrets, findTrustConcerns, type TrustConcern } from "./config-secrets.ts";
import { configKeyLore, createConfigSchema, type ConfigValues } from "./config-schema.ts";
import type { GpuNames } from "./gpu.ts";
import { checkLayer, type Layer, throwProblems } from "./problems.ts";
import { checkTexts, readYamlLayer } from "./yaml-layer.ts";

/** One source of configuration, checked. Given to `mergeConfig`. */
export interface ConfigLayer {
  /** The file's label, or what else the values came from, such as `environment`. */
  readonly origin: string;
  /** Absolute folder that relative paths in it start from. */
  readonly folder: string;
  readonly home?: string;
  /** Converted values. */
  readonly values: ConfigValues;
  /** The same as written, and where each stands. */
  readonly written: Layer;
  /** What must be trusted first when this layer comes from a project: commands, endpoints, credentials. */
  readonly concerns: readonly TrustConcern[];
}

const hint = "`gpujob schema config` prints every key and what it takes.";

/** Content and place of one configuration file. */
export interface ConfigFileInput extends GpuNames {
  readonly text: string | Uint8Array;
  /** Absolute path. */
  readonly path: string;
  /** What to call it in messages. @default its name */
  readonly label?: string;
  /** Absolute home folder, for `~/` in `{ file }` references. */
  readonly home?: string;
}

/**
 * Reads one configuration file.
 * @throws `config_invalid` that lists every problem with file, line, column and the next step; never a secret's text.
 */
export function parseConfigFile(input: ConfigFileInput): ConfigLayer {
  const origin = input.label ?? basename(input.path);
  const { layer, problems } = readYamlLayer(input.text, origin);
  throwProblems("config_invalid", problems, hint);
  const written = layer ?? { value: {}, where: () => origin };
  const base = { origin, folder: dirname(input.path), ...homeOf(input) };
  return checkConfig(written, base, input);
}

/** Values of the configuration that come from flags or the environment. */
export interface ConfigValuesInput extends GpuNames {
  readonly values: Readonly<Record<string, unknown>>;
  /** What to call the place of a value, such as `GPUJOB_INSTALLATION` or `--currency`. */
  readonly where: (path: readonly PropertyKey[]) => string;
  readonly origin: string;
  /** Absolute folder that relative paths start from. */
  readonly folder: string;
  readonly home?: string;
}

/** Makes a layer from values that are in no file. @throws `config_invalid`. */
export function createConfigLayer(input: ConfigValuesInput): ConfigLayer {
  const written: Layer = { value: input.values, where: (path) => input.where(path) };
  const { origin, folder } = input;
  return checkConfig(written, { origin, folder, ...homeOf(input) }, input);
}

function homeOf(input: { readonly home?: string }): { readonly home?: string } {
  return input.home === undefined ? {} : { home: input.home };
}

function checkConfig(
  written: Layer,
  base: Pick<ConfigLayer, "origin" | "folder" | "home">,
  names: GpuNames,
): ConfigLayer {
  const { value, problems } = checkLayer(
    (fields) => createConfigSchema(names, fields),
    written,
    configKeyLore,
  );
  const all = [
    ...problems,
    ...findLiteralSecrets(written),
    ...checkTexts(written, ["defaults", "env"]),
    ...checkTexts(written, ["defaults", "labels"]),
  ];
  throwProblems("config_invalid", all, hint);
  return { ...base, values: value ?? {}, written, concerns: findTrustConcerns(written) };
}
