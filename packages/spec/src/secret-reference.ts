import type { SecretReference } from "./adapter.ts";

/** Does a value have the shape of a reference to a secret? Asked of every value of a file, so without a schema. */
export function isSecretReference(value: unknown): value is SecretReference {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const [entry, ...others] = Object.entries(value);
  if (entry === undefined || others.length > 0) return false;
  const [key, place]: readonly [string, unknown] = entry;
  if (key === "env" || key === "file" || key === "keyring") return isText(place);
  return key === "command" && (isText(place) || isArgv(place));
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isArgv(value: unknown): boolean {
  return (
    Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === "string")
  );
}

/** Is this a name under which people write passwords, tokens and keys? */
export function isSecretName(name: string): boolean {
  return /(?:^|[a-z_-])(?:password|passphrase|token|secret|credential|api_?key|(?:access|secret|private)_?key(?:_?secret)?)s?$/i.test(
    name,
  );
}
