import type { FailureKind } from "@gpujob/spec";

const codes = {
  // A machine could not be had.
  rate_limited: 115,
  unavailable: 115,
  no_capacity: 115,
  price_changed: 115,
  unsupported_request: 115,
  lease_failed: 115,
  unreachable: 115,
  contract_violation: 115,
  // The account stands in the way.
  quota_exceeded: 116,
  insufficient_funds: 116,
  unauthorized: 116,
  forbidden: 116,
  not_verified: 116,
  // Something may still be billing.
  outcome_unknown: 123,
  release_failed: 123,
  release_unconfirmed: 123,
  interrupted: 119,
  aborted: 130,
  // The job's own code passes through where it has one; these stand where it has none.
  exit_nonzero: 1,
  out_of_memory: 137,
  time_limit: 118,
  stalled: 118,
  log_limit: 118,
  setup_failed: 120,
  // A disk too small for the files stops a run before its job; a job that fills it has a code of its own.
  host_disk_full: 120,
  result_unknown: 121,
  download_failed: 122,
  usage: 2,
  spec_invalid: 2,
  config_invalid: 2,
  not_found: 2,
  not_yet: 2,
  no_offer_matches: 114,
  nothing_rented: 115,
  needs_credentials: 116,
  budget_reached: 117,
  interrupted_too_often: 119,
  cancelled: 130,
  terminated: 143,
  timeout: 124,
  store: 125,
  internal: 125,
} as const satisfies Record<FailureKind, number>;

/** The exit code of a run that ends with a failure of this kind. A job's own code, where there is one, goes first. */
export function exitCodeOf(kind: FailureKind): number {
  return codes[kind];
}
