import type { SecretReference } from "./adapter.ts";
import type { JobSpec } from "./job.ts";

const [userKey, passwordKey] = ["registry.user", "registry.password"];

/**
 * Every secret that a job needs, by name. Those of its registry have names that no variable can have, and are for the machine,
 * not for the job: see `splitSecrets`.
 */
export function listSecrets({
  secrets,
  registry,
}: Pick<JobSpec, "secrets" | "registry">): Readonly<Record<string, SecretReference>> {
  if (registry === undefined) return secrets;
  const { user, password } = registry;
  return {
    ...secrets,
    ...(typeof user === "string" ? {} : { [userKey]: user }),
    [passwordKey]: password,
  };
}

/** The values of `listSecrets` by whom they are for: the job's own, and the log-in to the registry of its image. */
export function splitSecrets(
  { registry }: Pick<JobSpec, "registry">,
  values: Readonly<Record<string, string>>,
): {
  readonly secrets: Readonly<Record<string, string>>;
  readonly login?: { readonly user: string; readonly password: string };
} {
  const { [userKey]: named, [passwordKey]: password, ...secrets } = values;
  const user = typeof registry?.user === "string" ? registry.user : named;
  const isWhole = registry !== undefined && user !== undefined && password !== undefined;
  return isWhole ? { secrets, login: { user, password } } : { secrets };
}
