import type { Gpujob } from "@gpujob/sdk";
import type { Failure, RunView } from "@gpujob/spec";
import { GpujobError, toFailure } from "@gpujob/spec";
import type { CommandContext } from "../context.ts";
import { endOfRun } from "../exit-codes.ts";
import { usage } from "../flags.ts";
import { renderFailure } from "../render/failure.ts";

/** Which runs `stop` ends. */
export interface StopChoice {
  readonly now: boolean;
  readonly all: boolean;
  readonly key: string | undefined;
}

/** Stops every chosen run and waits for its end, one that cannot be stopped hindering no other. An unproven release outranks other failures. */
export async function stopRuns(
  gpujob: Gpujob,
  references: readonly string[],
  choice: StopChoice,
  context: CommandContext,
): Promise<{ readonly runs: readonly RunView[]; readonly failure?: Failure }> {
  const chosen = await chooseRuns(gpujob, references, choice);
  const stopOne = async (reference: string): Promise<RunView> => {
    const run = await gpujob.stopRun(reference, { now: choice.now });
    if (run.endedAt !== null) return run;
    await context.say(`Stopping ${run.id}. Ctrl-C ends only this wait.`);
    return gpujob.waitRun(run.id, { signal: context.signal });
  };
  const answers = await Promise.allSettled(chosen.map(stopOne));
  const runs: RunView[] = [];
  const failures: Failure[] = [];
  for (const answer of answers) {
    if (answer.status === "rejected") failures.push(toFailure(answer.reason));
    else {
      runs.push(answer.value);
      const { failure } = endOfRun(answer.value);
      if (failure?.kind === "release_unconfirmed") failures.push(failure);
    }
  }
  const failure = failures.find(({ kind }) => kind === "release_unconfirmed") ?? failures[0];
  if (!context.isJson) {
    for (const each of failures) {
      await context.screen.say(renderFailure(each, context.view(context.err)));
    }
  }
  return { runs, ...(failure ? { failure } : {}) };
}

async function chooseRuns(
  gpujob: Gpujob,
  references: readonly string[],
  { all, key }: StopChoice,
): Promise<readonly string[]> {
  const ways = Number(references.length > 0) + Number(all) + Number(key !== undefined);
  if (ways !== 1) {
    throw usage(
      "stop takes runs, or --all, or --key: one of the three.",
      "gpujob ps lists the runs.",
    );
  }
  if (all) return (await gpujob.listRuns({})).map(({ id }) => id);
  if (key === undefined) return references;
  const runs = await gpujob.listRuns({ all: true, idempotencyKey: key });
  if (runs.length > 0) return runs.map(({ id }) => id);
  throw new GpujobError("not_found", `No run was submitted with the key "${key}".`, {
    hint: "gpujob ps -a lists the runs.",
  });
}
