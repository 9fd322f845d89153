import type { Interfaces } from "@oclif/core";
import type { ArgumentSet, FlagSet } from "./definition.ts";

/** Our flags as oclif's parser and help understand them. */
export function toOclifFlags(flags: FlagSet): Interfaces.FlagInput {
  const entries = Object.entries(flags).map(([name, flag]) => {
    const shared = {
      name,
      summary: flag.summary,
      ...(flag.hidden === true ? { hidden: true } : {}),
      ...(flag.char === undefined ? {} : { char: flag.char }),
    };
    if (flag.type === "boolean") {
      return [name, { ...shared, type: "boolean", allowNo: false, parse: same }] as const;
    }
    const { multiple, helpValue } = flag;
    const option = {
      ...shared,
      type: "option",
      multiple,
      helpValue,
      input: [],
      multipleNonGreedy: true,
      parse: same,
    };
    return [name, option] as const;
  });
  return Object.fromEntries(entries);
}

/** Our arguments as oclif's parser and help understand them; none is ever read from standard input. */
export function toOclifArgs(args: ArgumentSet): Interfaces.ArgInput {
  const entries = Object.entries(args).map(([name, argument]) => [
    name,
    {
      name,
      description:
        argument.options === undefined
          ? argument.summary
          : `${argument.summary}: ${argument.options.join(", ")}`,
      required: argument.required === true,
      multiple: argument.multiple === true,
      ignoreStdin: true,
      input: [],
      parse: same,
    },
  ]);
  return Object.fromEntries(entries);
}

async function same<Value>(value: Value): Promise<Value> {
  return value;
}
