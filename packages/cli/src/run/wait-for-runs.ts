import type { Gpujob } from "@gpujob/sdk";
import type { RunView } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import type { CommandContext } from "../context.ts";
import type { Outcome } from "../definition.ts";
import { endOfRun } from "../exit-codes.ts";
import { renderSummary } from "../render/run.ts";
import { formatSeconds } from "../render/units.ts";

/** Waits for all of the runs; the outcome is that of the first that did not end with zero, an unproven end first of all. */
export async function waitForRuns(
  gpujob: Gpujob,
  references: readonly string[],
  timeoutMs: number | undefined,
  context: CommandContext,
): Promise<Outcome<readonly RunView[]>> {
  const over = timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)];
  const signal = AbortSignal.any([context.signal, ...over]);
  const wanted = references.length === 0 ? [undefined] : references;
  try {
    const runs = await Promise.all(
      wanted.map((reference) => gpujob.waitRun(reference, { signal })),
    );
    const lines: NonNullable<Outcome<unknown>["lines"]> = (view) =>
      runs.flatMap((run) => renderSummary(run, view));
    return { data: runs, lines, ...worstEnd(runs) };
  } catch (error) {
    if (over[0]?.aborted !== true || context.signal.aborted) throw error;
    throw new GpujobError("timeout", `Not ended within ${formatSeconds(timeoutMs ?? 0)}.`, {
      hint: "The run goes on; gpujob wait again, or gpujob stop ends it.",
    });
  }
}

/** The end that the command takes over: 123 outranks all, else the first that is not zero. */
function worstEnd(runs: readonly RunView[]): ReturnType<typeof endOfRun> {
  const ends = runs.map(endOfRun);
  const unproven = ends.find(({ failure }) => failure?.kind === "release_unconfirmed");
  return unproven ?? ends.find(({ exitCode }) => exitCode !== 0) ?? { exitCode: 0 };
}
