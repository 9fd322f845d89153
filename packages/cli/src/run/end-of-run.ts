import type { RunView } from "@gpujob/spec";
import type { Outcome } from "../definition.ts";
import { endOfRun } from "../exit-codes.ts";
import { renderSummary } from "../render/run.ts";
import type { CommandContext } from "../context.ts";
import type { Followed } from "./follow-run.ts";

/** What `submit` and `retry` say at the end: the summary on stderr, the job's own code or ours. */
export async function finishRun(
  { run, isDetached }: Followed,
  context: CommandContext,
  outputFolder: string,
): Promise<Outcome<RunView>> {
  const view = context.view(context.err);
  if (isDetached) {
    await context.screen.say([
      `Run ${run.id} goes on without this window.`,
      `  gpujob logs ${run.id} -f shows it again; gpujob stop ${run.id} ends it.`,
    ]);
    return { data: run };
  }
  await context.screen.say(renderSummary(run, view, outputFolder));
  return { data: run, ...endOfRun(run) };
}
