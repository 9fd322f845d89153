/** What a platform error says happened. The scheduler's table says what to do about each. */
export const platformErrorKinds = [
  "rate_limited",
  "unavailable",
  "no_capacity",
  "quota_exceeded",
  "insufficient_funds",
  "unauthorized",
  "forbidden",
  "not_verified",
  "price_changed",
  "unsupported_request",
  "outcome_unknown",
  "lease_failed",
  "unreachable",
  "interrupted",
  "release_failed",
  "aborted",
  "contract_violation",
] as const;
export type PlatformErrorKind = (typeof platformErrorKinds)[number];

/** How the job itself can fail. These follow the job's retry rules, not failover. */
export const jobFailureKinds = [
  "exit_nonzero",
  "time_limit",
  "out_of_memory",
  "setup_failed",
  "host_disk_full",
  "stalled",
  "log_limit",
  "result_unknown",
  "download_failed",
] as const;
export type JobFailureKind = (typeof jobFailureKinds)[number];

/** What only the user can mend, and what ends a run by the user's own word. */
export const userFailureKinds = [
  "usage",
  "spec_invalid",
  "config_invalid",
  "no_offer_matches",
  "nothing_rented",
  "needs_credentials",
  "budget_reached",
  "interrupted_too_often",
  "cancelled",
  "terminated",
  "timeout",
  "release_unconfirmed",
  "not_found",
  "not_yet",
  "store",
  "internal",
] as const;
export type UserFailureKind = (typeof userFailureKinds)[number];

export type FailureKind = PlatformErrorKind | JobFailureKind | UserFailureKind;

/** How wide the trouble is: the part of the world that must be avoided for a while. */
export type FailureScope = "call" | "offer" | "zone" | "region" | "account" | "platform" | "host";

/** An error as plain data. The only form in which an error crosses a process, journal or machine border. */
export interface Failure {
  readonly kind: FailureKind;
  /** What failed, on what, and why, as one sentence for the user. Carries no secret. */
  readonly message: string;
  /** What the user can do next. */
  readonly hint?: string;
  readonly scope?: FailureScope;
  /** The contract method or host operation that failed, such as `createLease`. */
  readonly operation?: string;
  readonly platform?: string;
  /** Wait at least so long before the same call, in milliseconds. */
  readonly retryAfterMs?: number;
  /** The platform's own code, word for word. */
  readonly platformCode?: string;
  readonly requestId?: string;
}
