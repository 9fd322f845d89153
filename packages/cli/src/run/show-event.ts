import type { RunEvent } from "@gpujob/sdk";
import { assertNever } from "@gpujob/spec";
import type { CommandContext } from "../context.ts";
import { renderProgress } from "../render/progress.ts";
import { paint, stateTone } from "../render/style.ts";
import { pad, tame, wrap } from "../render/text.ts";
import type { LogWriter } from "./log-writer.ts";

/** Shows one event of a run to whoever watches. */
export async function showEvent(
  event: RunEvent,
  context: CommandContext,
  log: LogWriter,
): Promise<void> {
  const view = context.view(context.err);
  switch (event.type) {
    // Shown before it was agreed to.
    case "plan":
      return;
    case "state": {
      await context.screen.live(undefined);
      const label = paint(pad(event.state, 10, "left"), stateTone(event.state), view);
      return context.screen.say(
        wrap(`${label}  ${tame(event.message)}`, view.columns, " ".repeat(12)),
      );
    }
    case "log":
      await context.screen.live(undefined);
      return log.write(event);
    case "progress":
      return context.screen.live(renderProgress(event));
    case "notice": {
      const text = tame(
        event.hint === undefined ? event.message : `${event.message} ${event.hint}`,
      );
      if (event.level === "info") return context.say(text);
      return context.warn(event.level === "error" ? `Error: ${text}` : `Warning: ${text}`);
    }
    default:
      return assertNever(event);
  }
}
