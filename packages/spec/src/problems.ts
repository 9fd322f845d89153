import type { z } from "zod";
import { GpujobError } from "./errors.ts";
import type { UserFailureKind } from "./failure.ts";
import { didYouMean, quoteText } from "./nearest.ts";
import type { Problem } from "./position.ts";
import { keysAt, pathOfKey } from "./schema-keys.ts";

/** One source of values: a file, flags, or the environment. */
export interface Layer {
  readonly value: unknown;
  /** Where a value stands, or its key: `train.yaml:3:5`, `--budget`. */
  readonly where: (path: readonly PropertyKey[], part?: "key" | "value") => string;
  /** What stands before every path in messages, such as `platforms.lab`. */
  readonly prefix?: readonly PropertyKey[];
  /** The text of an unquoted YAML value; absent where there is no YAML. */
  readonly source?: (path: readonly PropertyKey[]) => string | undefined;
}

/** What is known about keys beyond the schema. */
export interface KeyLore {
  /** Keys of later versions and what stands in for them now, by dotted path. */
  readonly later?: Readonly<Record<string, string>>;
  /** Names that other tools use, and ours for them. */
  readonly peers?: Readonly<Record<string, string>>;
}

/**
 * Checks a layer against a schema: the converted value, or every problem with its place and next step. `makeSchema` may
 * leave out what `written` does not have; only problems need the whole of it.
 */
export function checkLayer<T>(
  makeSchema: (written?: unknown) => z.ZodType<T>,
  layer: Layer,
  lore: KeyLore = {},
): { readonly value?: T; readonly problems: readonly Problem[] } {
  const quick = makeSchema(layer.value).safeParse(layer.value);
  if (quick.success) return { value: quick.data, problems: [] };
  const schema = makeSchema();
  const result = schema.safeParse(layer.value);
  if (result.success) return { value: result.data, problems: [] };
  const problems = result.error.issues.flatMap((issue) => explain(issue, { schema, layer, lore }));
  return { problems };
}

const mostProblems = 50;

/** Throws one error that lists every problem in the order of the file, up to fifty. */
export function throwProblems(
  kind: UserFailureKind,
  problems: readonly Problem[],
  hint?: string,
): void {
  if (problems.length === 0) return;
  const lines = inOrder(problems)
    .slice(0, mostProblems)
    .map(({ where, message }) => `${where}: ${message}`);
  const more = problems.length - lines.length;
  if (more > 0) lines.push(`… and ${more} more.`);
  throw new GpujobError(kind, lines.join("\n"), hint === undefined ? {} : { hint });
}

/** Problems of one file by line and column; files, and places that are none, in the order in which they came. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const places = problems.map((problem) => {
    const [, file = problem.where, line, column] = /^(.*):(\d+):(\d+)$/.exec(problem.where) ?? [];
    return { problem, file, line: Number(line ?? 0), column: Number(column ?? 0) };
  });
  const files = [...new Set(places.map((place) => place.file))];
  return places
    .toSorted(
      (one, other) =>
        files.indexOf(one.file) - files.indexOf(other.file) ||
        one.line - other.line ||
        one.column - other.column,
    )
    .map((place) => place.problem);
}

interface Context {
  readonly schema: z.core.$ZodType;
  readonly layer: Layer;
  readonly lore: KeyLore;
}

type Issue = z.core.$ZodIssue;

function explain(issue: Issue, context: Context): readonly Problem[] {
  const { layer } = context;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      where: layer.where([...issue.path, key], "key"),
      message: explainKey(key, issue.path, context),
    }));
  }
  if (issue.code === "invalid_union" && isDefault(issue.message)) {
    const branch = likelyBranch(issue.errors);
    if (branch !== undefined) {
      return branch.flatMap((inner) =>
        explain({ ...inner, path: [...issue.path, ...inner.path] }, context),
      );
    }
  }
  const part = issue.code === "invalid_key" ? "key" : "value";
  const isMissing = !hasValue(layer.value, issue.path);
  const path = isMissing ? issue.path.slice(0, -1) : issue.path;
  const message = explainValue(issue, layer);
  return [
    {
      where: layer.where(path, part),
      message: withPath([...(layer.prefix ?? []), ...issue.path], message),
    },
  ];
}

function withPath(path: readonly PropertyKey[], message: string): string {
  return path.length === 0 ? message : `${formatPath(path)}: ${message}`;
}

/** A path of keys for people: `hosts[0].price`, `files["../x"]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (!/^[\w-]{1,60}$/.test(String(key))) text += `[${quoteText(String(key))}]`;
    else text += `${text === "" ? "" : "."}${String(key)}`;
  }
  return text;
}

function explainKey(key: string, path: readonly PropertyKey[], context: Context): string {
  const { schema, lore, layer } = context;
  const dotted = [...path, key].join(".");
  const later = ownText(lore.later, dotted);
  if (later !== undefined) return `${dotted} is not yet supported. ${later}`;
  const colon = key.indexOf(":");
  if (colon > 0) return `${quoteText(key)} is read as one key. Put a space after the colon.`;
  const start = `${formatPath([...(layer.prefix ?? []), ...path, key])} is no key that gpujob knows.`;
  const peer = ownText(lore.peers, dotted);
  if (peer !== undefined) return `${start} Write ${peer} instead.`;
  const names = keysAt(schema, path);
  const near = didYouMean(key, names);
  if (near !== "") return `${start}${near}`;
  const elsewhere = path.length === 0 ? pathOfKey(schema, key) : undefined;
  if (elsewhere !== undefined) return `${start} Write it as ${elsewhere}.`;
  return names.length === 0 ? `${start} Remove it.` : `${start} Valid here: ${names.join(", ")}.`;
}

/** A key of a file may be called `constructor`: only what a table holds itself counts. */
function ownText(
  table: Readonly<Record<string, string>> | undefined,
  key: string,
): string | undefined {
  return table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}

function isDefault(message: string): boolean {
  return /^(?:Invalid (?:input|option|key|string)|Too (?:small|big))/.test(message);
}

/** The alternative that the value was meant to be: one whose problem is not the kind of the value itself. */
function likelyBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find((issues) => !issues.some((issue) => isOtherKind(issue)));
}

function isOtherKind(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === "invalid_union") {
    return isDefault(issue.message) && likelyBranch(issue.errors) === undefined;
  }
  return issue.code === "invalid_type";
}

function explainValue(issue: Issue, layer: Layer): string {
  const value = valueAt(layer.value, issue.path);
  if (value === null) return "There is no value. Write one, or remove the key.";
  if (!isDefault(issue.message)) return issue.message;
  if (issue.code === "invalid_type") {
    return value === undefined ? "This key is missing. Add it." : explainType(issue, value, layer);
  }
  if (issue.code === "invalid_union") {
    return explainType({ ...issue, expected: alternatives(issue) }, value, layer);
  }
  if (issue.code === "invalid_value") return explainChoice(issue.values.map(String), value);
  if (issue.code === "too_small") {
    const isEmpty = issue.minimum === 1 && unitOf(issue.origin) !== "";
    if (isEmpty) return "There is nothing in it. Write something, or remove the key.";
    const bound = issue.inclusive === false ? "more than" : "at least";
    return `Must be ${bound} ${issue.minimum}${unitOf(issue.origin)}.`;
  }
  if (issue.code === "too_big") return `Must be at most ${issue.maximum}${unitOf(issue.origin)}.`;
  if (issue.code === "invalid_key") {
    return issue.issues[0]?.message ?? "This key is not valid. Rename it.";
  }
  return issue.message;
}

function unitOf(origin: string): string {
  if (origin === "string") return " characters long";
  return origin === "array" ? " items long" : "";
}

function explainChoice(values: readonly string[], value: unknown): string {
  if (typeof value !== "string") return `Must be ${joinWords(values)}, not ${kindOf(value)}.`;
  return `Must be ${joinWords(values)}, not ${quoteText(value)}.${didYouMean(value, values)}`;
}

function alternatives(issue: Issue & { readonly code: "invalid_union" }): string {
  return joinWords([...new Set(kindsOf(issue))].map((kind) => nameOf(kind)));
}

function kindsOf(issue: Issue): readonly string[] {
  if (issue.code === "invalid_type") return [issue.expected];
  return issue.code === "invalid_union"
    ? issue.errors.flat().flatMap((inner) => kindsOf(inner))
    : [];
}

function explainType(
  issue: { readonly path: readonly PropertyKey[]; readonly expected: string },
  value: unknown,
  layer: Layer,
): string {
  const expected = nameOf(issue.expected);
  const source = layer.source?.(issue.path);
  const base = `Must be ${expected}, not ${kindOf(value)}.`;
  if (expected === "a map") return `${base} Write \`key: value\` lines below it.`;
  if (/number/.test(expected) && typeof value === "string" && /^\d+$/.test(value)) {
    return `${base} Remove the quotes.`;
  }
  if (!expected.includes("text")) return base;
  if (typeof value === "number" || typeof value === "boolean") {
    return `${base} Put it in quotes: "${source ?? String(value)}".`;
  }
  return `${base} Write one text; if the brackets belong to it, put it in quotes.`;
}

function nameOf(expected: string): string {
  const names: Readonly<Record<string, string>> = {
    string: "text",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
    array: "a list",
    object: "a map",
    record: "a map",
  };
  return names[expected] ?? expected;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return value === null ? "nothing" : "a map";
  if (typeof value === "number")
    return Number.isInteger(value) ? "a number" : "a number with a fraction";
  return typeof value === "string"
    ? "text"
    : typeof value === "boolean"
      ? "true or false"
      : typeof value;
}

function joinWords(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} or ${last}`;
}

function hasValue(value: unknown, path: readonly PropertyKey[]): boolean {
  return path.length === 0 || valueAt(value, path) !== undefined;
}

/** The value at a path of plain data, or `undefined` when there is none. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = Reflect.get(found, key);
  }
  return found;
}
