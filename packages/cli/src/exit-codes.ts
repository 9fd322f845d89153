import { exitCodeOf } from "@gpujob/sdk";
import type { Failure, RunView } from "@gpujob/spec";

export { exitCodeOf };

/** How a run that has ended ends the command: with its own exit code, and a failure where gpujob did not do its part. */
export function endOfRun(run: RunView): { readonly exitCode: number; readonly failure?: Failure } {
  if (run.billing === "unconfirmed" || run.state === "release-unconfirmed") {
    const failure: Failure = {
      kind: "release_unconfirmed",
      message: `The end of run ${run.id}'s machine could not be confirmed: something may still be billing.`,
      hint: "gpujob audit shows it; gpujob goes on trying to release it.",
    };
    return { exitCode: exitCodeOf(failure.kind), failure };
  }
  const { failure } = run;
  if (!failure) return { exitCode: run.exitCode ?? (run.state === "failed" ? 125 : 0) };
  const exitCode = run.exitCode ?? exitCodeOf(failure.kind);
  // A job that fails by itself is no failure of ours.
  const isJobs = failure.kind === "exit_nonzero" || failure.kind === "out_of_memory";
  return isJobs ? { exitCode } : { exitCode, failure };
}
