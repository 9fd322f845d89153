import { itemsOf } from "./plain-data.ts";
import { formatPath, type Layer } from "./problems.ts";
import type { Problem } from "./position.ts";
import { isSecretName, isSecretReference } from "./secret-reference.ts";

/** Something in a project's configuration that needs the user's trust before it is used. */
export interface TrustConcern {
  /** `command` runs a program here, `endpoint` says where credentials go, `credential` uses one of the user's. */
  readonly kind: "command" | "endpoint" | "credential";
  /** The key, such as `platforms.lab.token`. */
  readonly path: string;
  /** `gpujob.config.yaml:7:5` */
  readonly where: string;
}

interface Entry {
  readonly path: readonly PropertyKey[];
  readonly value: unknown;
}

/** Every value inside a value, with its path; a reference to a secret is one value. */
function entriesOf(value: unknown, path: readonly PropertyKey[] = []): readonly Entry[] {
  const self = { path, value };
  return [self, ...itemsOf(value).flatMap(([key, item]) => entriesOf(item, [...path, key]))];
}

function nameOf(path: readonly PropertyKey[]): string {
  return path.findLast((key) => typeof key === "string") ?? "";
}

/** Secrets that were written out where a reference belongs. The message never repeats them. */
export function findLiteralSecrets(layer: Layer): readonly Problem[] {
  return entriesOf(layer.value).flatMap(({ path, value }) => {
    if (path[0] !== "platforms" || path.length < 3 || typeof value !== "string") return [];
    const name = nameOf(path);
    const start = `${formatPath(path)}: `;
    if (/^[a-z][a-z0-9+.-]*:\/\/[^/\s@]*:[^/\s@]*@/i.test(value)) {
      const message = `${start}The address carries a password. Take it out, and give it by reference under a key of its own.`;
      return [{ where: layer.where(path), message }];
    }
    if (!isSecretName(name)) return [];
    const message =
      `${start}A secret is never written into a file. Set ${variableFor(path[1], name)} in your shell and write ` +
      `${name}: { env: ${variableFor(path[1], name)} }, or use { file: PATH }, { command: … } or { keyring: NAME }.`;
    return [{ where: layer.where(path), message }];
  });
}

/** A variable's name for a secret of a platform: `AUTODL_TOKEN`. */
function variableFor(platform: PropertyKey | undefined, key: string): string {
  const words = `${String(platform)}_${key.replaceAll(/([a-z])([A-Z])/g, "$1_$2")}`;
  return words.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
}

/** What in a layer must be asked about when it comes from a project: commands, endpoints and uses of credentials. */
export function findTrustConcerns(layer: Layer): readonly TrustConcern[] {
  return entriesOf(layer.value).flatMap(({ path, value }) => {
    const kind = concernOf(path, value);
    return kind === undefined ? [] : [{ kind, path: formatPath(path), where: layer.where(path) }];
  });
}

function concernOf(path: readonly PropertyKey[], value: unknown): TrustConcern["kind"] | undefined {
  const name = nameOf(path);
  const isScalar = typeof value !== "object";
  if (path[0] === "defaults" && path[1] !== "secrets" && path[1] !== "registry") return undefined;
  if (isSecretReference(value)) return "command" in value ? "command" : "credential";
  if (path[0] === "defaults") return isScalar ? "credential" : undefined;
  if (name === "command" && typeof path.at(-1) === "string") return "command";
  if (!isScalar) return undefined;
  if (name === "endpoint" || name === "url") return "endpoint";
  const isLogin = name === "key" || name === "agent" || name === "profile" || isSecretName(name);
  return isLogin && value !== false ? "credential" : undefined;
}
