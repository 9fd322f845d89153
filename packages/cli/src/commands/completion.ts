import { commandNames, loadCommand } from "../commands.ts";
import { defineCommand } from "../definition.ts";
import { commonFlags } from "../flags.ts";
import type { CompletionCommand } from "../render/completion.ts";
import { renderCompletion } from "../render/completion.ts";

/** Prints a completion script. */
export const completion = defineCommand({
  name: "completion",
  summary: "Print the completion script of a shell",
  examples: [
    "source <(gpujob completion bash)",
    "gpujob completion zsh > ~/.zfunc/_gpujob",
    "gpujob completion fish > ~/.config/fish/completions/gpujob.fish",
  ],
  args: { shell: { summary: "Which shell", required: true, options: ["bash", "zsh", "fish"] } },
  flags: {},
  run: async ({ args }) => {
    const commands = await Promise.all(commandNames.map(describe));
    const lines = renderCompletion(
      args.shell,
      commands.filter((command) => command !== undefined),
    );
    return { data: { script: lines.join("\n") }, lines: () => lines };
  },
});

async function describe(name: string): Promise<CompletionCommand | undefined> {
  const command = await loadCommand(name);
  if (!command || command.hidden === true) return undefined;
  const flags = Object.entries({ ...command.flags, ...commonFlags }).flatMap(([flag, details]) =>
    details.hidden === true
      ? []
      : [
          {
            name: flag,
            summary: details.summary,
            takesValue: details.type === "option",
            words: details.type === "option" ? (details.options ?? []) : [],
          },
        ],
  );
  const args = Object.entries(command.args);
  return {
    name,
    summary: command.summary,
    flags,
    words: args.flatMap(([, argument]) => argument.options ?? []),
    takesRun: args[0]?.[0] === "run",
  };
}
