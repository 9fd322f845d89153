import { z } from "zod";

/** The names that are valid in the map at `path`, or none when a map with free keys stands there. */
export function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const keys = new Set<string>();
  for (const found of schemasAt(schema, path)) {
    if (found instanceof z.ZodObject) for (const key of Object.keys(found.shape)) keys.add(key);
  }
  return [...keys];
}

/** Where else in the schema a key of this name exists, as `resources.gpu`, one level down. */
export function pathOfKey(schema: z.core.$ZodType, key: string): string | undefined {
  for (const outer of keysAt(schema, [])) {
    if (keysAt(schema, [outer]).includes(key)) return `${outer}.${key}`;
  }
  return undefined;
}

function schemasAt(
  schema: z.core.$ZodType,
  path: readonly PropertyKey[],
): readonly z.core.$ZodType[] {
  return path
    .reduce<readonly z.core.$ZodType[]>(
      (schemas, key) => schemas.flatMap((one) => unwrap(one)).flatMap((one) => childOf(one, key)),
      [schema],
    )
    .flatMap((one) => unwrap(one));
}

function unwrap(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => unwrap(option));
  if (schema instanceof z.ZodPipe) return unwrap(schema.in);
  if (schema instanceof z.ZodLazy) return unwrap(schema.unwrap());
  const isWrapper =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodExactOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodReadonly;
  return isWrapper ? unwrap(schema.unwrap()) : [schema];
}

function childOf(schema: z.core.$ZodType, key: PropertyKey): readonly z.core.$ZodType[] {
  if (schema instanceof z.ZodArray) return [schema.element];
  if (schema instanceof z.ZodRecord) return [schema.valueType];
  if (!(schema instanceof z.ZodObject)) return [];
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
  const child = Object.hasOwn(shape, key) ? shape[String(key)] : undefined;
  return child === undefined ? [] : [child];
}
