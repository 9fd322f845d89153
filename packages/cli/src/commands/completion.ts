import type { AnyCommand } from "../definition.ts";
import { defineCommand } from "../definition.ts";
import { commonFlags } from "../flags.ts";
import type { CompletionCommand } from "../render/completion.ts";
import { renderCompletion } from "../render/completion.ts";

/** Makes the command that prints a completion script; `commands` answers what there is to complete. */
export function createCompletion(commands: () => readonly AnyCommand[]): AnyCommand {
  return defineCommand({
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
      const shown = commands().filter(({ hidden }) => hidden !== true);
      const lines = renderCompletion(args.shell, shown.map(describe));
      return { data: { script: lines.join("\n") }, lines: () => lines };
    },
  });
}

function describe(command: AnyCommand): CompletionCommand {
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
    name: command.name,
    summary: command.summary,
    flags,
    words: args.flatMap(([, argument]) => argument.options ?? []),
    takesRun: args[0]?.[0] === "run",
  };
}
