import type { SecretReference } from "./adapter.ts";
import type { JobValues } from "./job-schema.ts";
import { isMap, mapEntries } from "./plain-data.ts";
import { isSecretReference } from "./secret-reference.ts";
import { resolveLocal } from "./local-path.ts";

/** Where relative paths of one layer start. */
export interface PathBase {
  readonly folder: string;
  readonly home?: string;
}

/** Makes the paths on this machine absolute, so that layers from different folders can be merged. */
export function absolutePaths(values: JobValues, base: PathBase): JobValues {
  const { workdir, files, secrets, registry } = values;
  return {
    ...values,
    ...(workdir === undefined ? {} : { workdir: resolveLocal(workdir, base) }),
    ...(files === undefined
      ? {}
      : { files: mapValues(files, (source) => absoluteSource(source, base)) }),
    ...(secrets === undefined
      ? {}
      : { secrets: mapValues(secrets, (reference) => absoluteReference(reference, base)) }),
    ...(registry === undefined ? {} : { registry: absoluteLogin(registry, base) }),
  };
}

type Login = NonNullable<JobValues["registry"]>;

function absoluteLogin({ user, password }: Login, base: PathBase): Login {
  return {
    user: typeof user === "string" ? user : absoluteReference(user, base),
    password: absoluteReference(password, base),
  };
}

type Source = NonNullable<JobValues["files"]>[string];

function absoluteSource(source: Source, base: PathBase): Source {
  return source.kind === "local" ? { ...source, path: resolveLocal(source.path, base) } : source;
}

/** The same value with every reference `{ file: PATH }` inside made absolute. */
export function withLocalSecrets(value: unknown, base: PathBase): unknown {
  if (isSecretReference(value)) return absoluteReference(value, base);
  if (Array.isArray(value)) return value.map((item) => withLocalSecrets(item, base));
  if (!isMap(value)) return value;
  return Object.fromEntries(
    mapEntries(value).map(([key, item]) => [key, withLocalSecrets(item, base)]),
  );
}

function absoluteReference(reference: SecretReference, base: PathBase): SecretReference {
  return "file" in reference ? { file: resolveLocal(reference.file, base) } : reference;
}

function mapValues<T>(
  map: Readonly<Record<string, T>>,
  change: (value: T) => T,
): Record<string, T> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}

/** Merges layers by key, the first one strongest. Inside maps of named things each name counts for itself. */
export function mergeJobs(layers: readonly JobValues[]): JobValues {
  return layers.reduceRight<JobValues>((below, above) => mergeTwo(below, above), {});
}

function mergeTwo(below: JobValues, above: JobValues): JobValues {
  return {
    ...below,
    ...above,
    ...inside("resources", below, above),
    ...inside("model", below, above),
    ...inside("platforms", below, above),
    ...inside("files", below, above),
    ...inside("data", below, above),
    ...inside("env", below, above),
    ...inside("secrets", below, above),
    ...inside("checkpoint", below, above),
    ...inside("limits", below, above),
    ...inside("retry", below, above),
    ...inside("labels", below, above),
  };
}

type MapKey =
  | "resources"
  | "model"
  | "platforms"
  | "files"
  | "data"
  | "env"
  | "secrets"
  | "checkpoint"
  | "limits"
  | "retry"
  | "labels";

function inside<Key extends MapKey>(
  key: Key,
  below: JobValues,
  above: JobValues,
): { readonly [K in Key]?: JobValues[Key] } | object {
  const low = below[key];
  const high = above[key];
  return low === undefined || high === undefined ? {} : { [key]: { ...low, ...high } };
}
