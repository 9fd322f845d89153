import { CommandHelp } from "@oclif/core/help";
import type { Command, Interfaces } from "@oclif/core";
import { stripVTControlCharacters } from "node:util";
import type { AnyCommand } from "./definition.ts";
import { commonFlags } from "./flags.ts";
import { toOclifArgs, toOclifFlags } from "./oclif-shape.ts";
import { wrap } from "./render/text.ts";
import type { View } from "./render/view.ts";

/** The help of one command, laid out by oclif. */
export function commandHelp(command: AnyCommand, view: View): readonly string[] {
  const description = command.description;
  const shape: Command.Loadable = {
    id: command.name,
    summary: command.summary,
    ...(description === undefined ? {} : { description }),
    usage: usageLine(command),
    examples: command.examples.map((example) => `$ ${example}`),
    flags: toOclifFlags({ ...command.flags, ...commonFlags }) as Command.Loadable["flags"],
    args: toOclifArgs(command.args) as Command.Loadable["args"],
    aliases: [],
    hidden: false,
    hiddenAliases: [],
    load: () => Promise.reject(new Error("The help of a command never runs it.")),
  };
  // The layout reads these fields of oclif's configuration and no others; loading the real one would
  // search the disk for plug-ins.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  const config = { bin: "gpujob", topicSeparator: " ", platform: "linux" } as Interfaces.Config;
  const width = Math.min(view.columns, 100);
  const help = new CommandHelp(shape, config, { maxWidth: width, flagSortOrder: "none" });
  const summary = wrap(command.summary, width).join("\n");
  const text = `${summary}\n\n${help.generate()}`;
  return (view.colour ? text : stripVTControlCharacters(text))
    .split("\n")
    .map((line) => line.trimEnd());
}

function usageLine(command: AnyCommand): string {
  const words = Object.entries(command.args).map(([name, argument]) => {
    const word = `${name.toUpperCase()}${argument.multiple === true ? "..." : ""}`;
    return argument.required === true ? word : `[${word}]`;
  });
  const rest = command.rest === undefined ? [] : [command.rest];
  return [command.name, ...words, "[flags]", ...rest].join(" ");
}
