import { parseArgs } from "node:util";
import type { AnyCommand, Argument, FlagSet } from "./definition.ts";
import { commonFlags, usage } from "./flags.ts";

/** The words of a line by name, still as written. */
export interface RawLine {
  readonly flags: Readonly<Record<string, boolean | string | readonly string[] | undefined>>;
  readonly args: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** A line with its values read; `flags` holds every flag of the command and the common ones. */
export interface ReadLine {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly args: RawLine["args"];
  readonly rest: readonly string[];
}

/** Cuts a line at the first `--`: ours before, the job's command after. */
export function splitAtDashes(argv: readonly string[]): {
  readonly ours: readonly string[];
  readonly rest: readonly string[];
} {
  const at = argv.indexOf("--");
  if (at === -1) return { ours: argv, rest: [] };
  return { ours: argv.slice(0, at), rest: argv.slice(at + 1) };
}

/**
 * Reads the words after a command's name. A line that is plainly right is read by Node's own parser, so that most
 * calls never load oclif; any other is left to oclif's parser, which knows the corner cases and says what is wrong.
 * Throws failures of kind `usage` and `not_yet`.
 */
export async function readLine(command: AnyCommand, argv: readonly string[]): Promise<ReadLine> {
  const { ours, rest } = splitAtDashes(argv);
  const flags: FlagSet = { ...command.flags, ...commonFlags };
  if (rest.length > 0 && command.rest === undefined) {
    throw usage(`${command.name} takes nothing after "--".`, `See gpujob ${command.name} --help.`);
  }
  const plain = readPlainLine(command, flags, ours);
  const raw = plain ?? (await explain(command, flags, ours));
  return { flags: readValues(flags, raw.flags), args: checkWords(command, raw.args), rest };
}

async function explain(
  command: AnyCommand,
  flags: FlagSet,
  words: readonly string[],
): Promise<RawLine> {
  const { explainLine } = await import("./explain-line.ts");
  return explainLine(command, flags, words);
}

/** The fast reader: `undefined` whenever anything is not plainly right. */
export function readPlainLine(
  command: AnyCommand,
  flags: FlagSet,
  words: readonly string[],
): RawLine | undefined {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      name,
      {
        type: flag.type === "boolean" ? ("boolean" as const) : ("string" as const),
        ...(flag.char === undefined ? {} : { short: flag.char }),
        multiple: flag.type === "option" && flag.multiple,
      },
    ]),
  );
  try {
    const line = parseArgs({ args: [...words], options, allowPositionals: true, tokens: true });
    const names = line.tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
    const isList = (name: string): boolean => options[name]?.multiple === true;
    if (names.some((name, index) => names.indexOf(name) !== index && !isList(name)))
      return undefined;
    const args = placeWords(command.args, line.positionals);
    return args && { flags: asWritten(line.values), args };
  } catch {
    return undefined;
  }
}

/** Lists are lists of texts here: a boolean is never asked for several times. */
function asWritten(
  values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>,
): RawLine["flags"] {
  const entries = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === "object" ? value.map(String) : value,
  ]);
  return Object.fromEntries(entries);
}

function placeWords(
  shape: Readonly<Record<string, Argument>>,
  words: readonly string[],
): RawLine["args"] | undefined {
  const left = [...words];
  const placed: Record<string, string | readonly string[] | undefined> = {};
  for (const [name, argument] of Object.entries(shape)) {
    if (argument.required === true && left.length === 0) return undefined;
    placed[name] = argument.multiple === true ? left.splice(0) : left.shift();
  }
  return left.length === 0 ? placed : undefined;
}

function readValues(flags: FlagSet, raw: RawLine["flags"]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) {
    const given = raw[name];
    if (flag.type === "boolean") values[name] = given === true;
    else if (flag.multiple) {
      values[name] = Array.isArray(given) ? given.map((text: string) => flag.read(text, name)) : [];
    } else values[name] = typeof given === "string" ? flag.read(given, name) : undefined;
  }
  return values;
}

function checkWords(command: AnyCommand, args: RawLine["args"]): RawLine["args"] {
  for (const [name, argument] of Object.entries(command.args)) {
    const given = args[name];
    if (argument.options === undefined || typeof given !== "string") continue;
    if (argument.options.includes(given)) continue;
    throw usage(
      `${command.name} takes ${argument.options.join(" or ")}, not "${given}".`,
      `See gpujob ${command.name} --help.`,
    );
  }
  return args;
}
