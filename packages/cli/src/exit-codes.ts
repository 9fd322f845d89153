import type { Failure, FailureKind, RunView } from "@gpujob/spec";

const codes = {
  usage: 2,
  spec_invalid: 2,
  config_invalid: 2,
  not_found: 2,
  not_yet: 2,
  no_offer_matches: 114,
  nothing_rented: 115,
  no_capacity: 115,
  unavailable: 115,
  rate_limited: 115,
  price_changed: 115,
  unsupported_request: 115,
  lease_failed: 115,
  unauthorized: 116,
  forbidden: 116,
  not_verified: 116,
  quota_exceeded: 116,
  insufficient_funds: 116,
  needs_credentials: 116,
  budget_reached: 117,
  time_limit: 118,
  stalled: 118,
  interrupted: 119,
  interrupted_too_often: 119,
  setup_failed: 120,
  outcome_unknown: 121,
  result_unknown: 121,
  unreachable: 121,
  download_failed: 122,
  release_failed: 123,
  release_unconfirmed: 123,
  timeout: 124,
  contract_violation: 125,
  store: 125,
  internal: 125,
  host_disk_full: 125,
  log_limit: 125,
  aborted: 130,
  cancelled: 130,
  terminated: 143,
  exit_nonzero: 1,
  out_of_memory: 137,
} as const satisfies Record<FailureKind, number>;

/** Our exit code for a failure of ours; see `interface.md` for the list. */
export function exitCodeOf(kind: FailureKind): number {
  return codes[kind];
}

/** How a run that has ended ends the command: the job's own code, or ours with a failure that tells them apart. */
export function endOfRun(run: RunView): { readonly exitCode: number; readonly failure?: Failure } {
  if (run.billing === "unconfirmed") {
    const failure: Failure = {
      kind: "release_unconfirmed",
      message: `The end of run ${run.id}'s machine could not be confirmed: something may still be billing.`,
      hint: "gpujob audit shows it; gpujob goes on trying to release it.",
    };
    return { exitCode: exitCodeOf(failure.kind), failure };
  }
  const isJobs = run.failure?.kind === "exit_nonzero" || run.failure?.kind === "out_of_memory";
  if (run.failure && !isJobs) {
    const isIdle = run.failure.kind === "stalled" && run.exitCode === 0;
    if (isIdle) return { exitCode: 0 };
    return { exitCode: exitCodeOf(run.failure.kind), failure: run.failure };
  }
  if (run.exitCode !== null) return { exitCode: run.exitCode };
  if (run.failure) return { exitCode: exitCodeOf(run.failure.kind) };
  if (run.state === "cancelled") return { exitCode: exitCodeOf("cancelled") };
  if (run.state !== "failed") return { exitCode: 0 };
  const message = run.reason ?? `Run ${run.id} failed, and nothing says why.`;
  return { exitCode: exitCodeOf("internal"), failure: { kind: "internal", message } };
}
