import { isSecretReference } from "./secret-reference.ts";

/** Is a value a map of further values, as opposed to a list or one value? */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The entries of a map, and none of anything else. */
export function mapEntries(value: unknown): readonly (readonly [string, unknown])[] {
  return isMap(value) ? Object.entries(value) : [];
}

/** What stands directly inside a list or map, by index or key; a reference to a secret counts as one value. */
export function itemsOf(value: unknown): readonly (readonly [PropertyKey, unknown])[] {
  if (isSecretReference(value)) return [];
  return Array.isArray(value)
    ? value.map((item, index): [PropertyKey, unknown] => [index, item])
    : mapEntries(value);
}
