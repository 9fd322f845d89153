import { commands } from "./commands.ts";
import { paint } from "./render/style.ts";
import { pad, wrap } from "./render/text.ts";
import type { View } from "./render/view.ts";

/** The help without a command: what there is, and how to begin. */
export function rootHelp(view: View): readonly string[] {
  const shown = commands.filter(({ hidden }) => hidden !== true);
  const width = Math.max(...shown.map(({ name }) => name.length)) + 2;
  const title = (text: string): string => paint(text, "strong", view);
  const limit = Math.min(view.columns, 100);
  return [
    ...wrap("Rent the cheapest GPU machine that fits, run the job to the end, release it.", limit),
    "",
    title("USAGE"),
    "  $ gpujob COMMAND [flags]",
    "",
    title("COMMANDS"),
    ...shown.flatMap(({ name, summary }) =>
      wrap(`  ${pad(name, width, "left")}${summary}`, limit, " ".repeat(width + 2)),
    ),
    "",
    title("BEGIN"),
    "  $ gpujob init             write a job file by questions",
    "  $ gpujob plan job.yaml    see where, and for how much",
    "  $ gpujob submit job.yaml  run it",
    "",
    ...wrap("gpujob COMMAND --help tells more. Every command takes --json.", limit),
  ];
}
