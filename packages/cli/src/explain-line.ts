import { nearestName } from "@gpujob/spec";
import { parse } from "@oclif/core/parser";
import type { Parser } from "@oclif/core";
import type { AnyCommand, FlagSet } from "./definition.ts";
import { usage } from "./flags.ts";
import { toOclifArgs, toOclifFlags } from "./oclif-shape.ts";
import type { RawLine } from "./read-line.ts";

/** Reads a line with oclif's parser. Throws a failure of kind `usage` that says what is wrong and what was likely meant. */
export async function explainLine(
  command: AnyCommand,
  flags: FlagSet,
  words: readonly string[],
): Promise<RawLine> {
  try {
    const isVariadic = Object.values(command.args).some((argument) => argument.multiple === true);
    const line = await parse([...words], {
      flags: toOclifFlags(flags),
      args: toOclifArgs(command.args),
      strict: true,
    });
    // oclif's values are what toOclifFlags asked for: booleans, strings and lists of strings.
    const values = line.flags as RawLine["flags"];
    return {
      flags: values,
      args: isVariadic ? withList(command, line) : (line.args as RawLine["args"]),
    };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw usage(sayMissing(command, text) ?? firstLines(text), hintFor(command, flags, words));
  }
}

function withList(command: AnyCommand, line: Parser.ParserOutput): RawLine["args"] {
  const args: Record<string, string | readonly string[] | undefined> = {};
  for (const [name, argument] of Object.entries(command.args)) {
    const value: unknown = line.args[name];
    if (argument.multiple !== true) args[name] = typeof value === "string" ? value : undefined;
    else args[name] = Array.isArray(value) ? value.map(String) : [];
  }
  return args;
}

/** Which arguments a line lacks, where that is what oclif complains of: it lists each on a line of its own. */
function sayMissing(command: AnyCommand, text: string): string | undefined {
  if (!/^Missing \d+ required arg/.test(text)) return undefined;
  const lines = text.split("\n").map((line) => line.trim());
  const missing = Object.entries(command.args)
    .filter(([name]) => lines.some((line) => line.startsWith(name)))
    .map(([name, { summary }]) => `${name.toUpperCase()} (${summary})`);
  return missing.length === 0
    ? undefined
    : `gpujob ${command.name} lacks ${missing.join(" and ")}.`;
}

/** oclif adds its own pointer to the help, which we word ourselves. */
function firstLines(text: string): string {
  const kept = text
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("See more help"))
    .map((line) => line.trim().replace("Nonexistent flag:", "Unknown flag:"));
  const sentence = kept.join(" ");
  return /[.?!]$/.test(sentence) ? sentence : `${sentence}.`;
}

function hintFor(command: AnyCommand, flags: FlagSet, words: readonly string[]): string {
  const help = `See gpujob ${command.name} --help.`;
  const names = Object.entries(flags).flatMap(([name, flag]) =>
    flag.hidden === true ? [] : [name],
  );
  for (const word of words) {
    const name = /^--([^=]+)/.exec(word)?.[1];
    if (name === undefined || flags[name] !== undefined) continue;
    const near = nearestName(name, names);
    if (near !== undefined) return `Did you mean --${near}? ${help}`;
  }
  return help;
}
