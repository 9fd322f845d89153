import { z } from "zod";
import { isMap } from "./plain-data.ts";

/** Makes the schema of each field of a map, given what a file says there. */
type FieldMakers = Readonly<Record<string, (written?: unknown) => z.ZodType>>;

type FieldsOf<Makers extends FieldMakers> = { [Key in keyof Makers]: ReturnType<Makers[Key]> };

/**
 * A strict map, every field optional, of the fields that `written` has; without it, of all. Making a schema takes longer
 * than reading a value with it, and a file has few of the keys that it may have.
 */
export function writtenFields<Makers extends FieldMakers>(
  makers: Makers,
  written?: unknown,
): z.ZodObject<FieldsOf<Makers>, z.core.$strict> {
  const isWanted = (key: string): boolean => !isMap(written) || Object.hasOwn(written, key);
  const fields = Object.entries(makers)
    .filter(([key]) => isWanted(key))
    .map(([key, make]) => [key, make(isMap(written) ? written[key] : undefined)]);
  // What a file does not have needs no schema: all fields are optional and have no default.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same keys, less those that are absent
  return z.strictObject(Object.fromEntries(fields) as FieldsOf<Makers>);
}
