import type { FailureKind, FailureScope } from "@gpujob/spec";

/** What to do about one kind of failure. Durations in milliseconds. */
export type FailureRule =
  /** The same call again with growing waits; after `tries` of them, elsewhere. */
  | {
      readonly do: "retry-call";
      readonly tries: number;
      readonly waitMs: number;
      readonly avoid: Avoid;
    }
  /** This place will not do for a while. */
  | { readonly do: "next-offer"; readonly avoid: Avoid }
  /** As above; but where something is rented already, only the user's credentials can end it. */
  | { readonly do: "ask-for-credentials"; readonly avoid: Avoid }
  /** Nothing may start before this is settled. */
  | { readonly do: "block"; readonly until: "released" | "known"; readonly waitMs: number }
  /** The placement was lost, by nobody's mistake; counts against `retry.interruptions`. */
  | { readonly do: "interruption"; readonly avoid: Avoid }
  /** The job failed. `code`: by its exit code's rule. `failures`: while `retry.failures` last. */
  | { readonly do: "job"; readonly follows: readonly ("code" | "failures")[] }
  | { readonly do: "give-up" };

export interface Avoid {
  readonly forMs: number;
  /** Used where the failure does not say how wide it is. */
  readonly scope: Exclude<FailureScope, "call">;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** One row for each kind: a new kind does not compile until it has one. */
export const failureRules = {
  rate_limited: {
    do: "retry-call",
    tries: 6,
    waitMs: 2_000,
    avoid: { forMs: minute, scope: "account" },
  },
  unavailable: {
    do: "retry-call",
    tries: 4,
    waitMs: 1_000,
    avoid: { forMs: 5 * minute, scope: "platform" },
  },
  contract_violation: {
    do: "retry-call",
    tries: 2,
    waitMs: 1_000,
    avoid: { forMs: hour, scope: "platform" },
  },
  no_capacity: { do: "next-offer", avoid: { forMs: 10 * minute, scope: "offer" } },
  price_changed: { do: "next-offer", avoid: { forMs: 10 * minute, scope: "offer" } },
  lease_failed: { do: "next-offer", avoid: { forMs: 30 * minute, scope: "offer" } },
  unsupported_request: { do: "next-offer", avoid: { forMs: day, scope: "offer" } },
  quota_exceeded: { do: "next-offer", avoid: { forMs: hour, scope: "account" } },
  insufficient_funds: { do: "next-offer", avoid: { forMs: hour, scope: "account" } },
  not_verified: { do: "next-offer", avoid: { forMs: day, scope: "account" } },
  unauthorized: { do: "ask-for-credentials", avoid: { forMs: hour, scope: "account" } },
  forbidden: { do: "ask-for-credentials", avoid: { forMs: hour, scope: "account" } },
  outcome_unknown: { do: "block", until: "known", waitMs: 5_000 },
  release_failed: { do: "block", until: "released", waitMs: 5_000 },
  release_unconfirmed: { do: "block", until: "released", waitMs: 30_000 },
  unreachable: { do: "interruption", avoid: { forMs: 30 * minute, scope: "host" } },
  interrupted: { do: "interruption", avoid: { forMs: 10 * minute, scope: "offer" } },
  exit_nonzero: { do: "job", follows: ["code", "failures"] },
  setup_failed: { do: "job", follows: ["failures"] },
  stalled: { do: "job", follows: ["failures"] },
  // More of the same would fill it again; only a rule for its code, which the user wrote, repeats it.
  out_of_memory: { do: "job", follows: ["code"] },
  host_disk_full: { do: "job", follows: ["code"] },
  log_limit: { do: "give-up" },
  time_limit: { do: "give-up" },
  // It may have done all its work: doing it twice is worse than asking.
  result_unknown: { do: "give-up" },
  // The machine is kept as long as `limits.hold` allows, so fetching can go on.
  download_failed: {
    do: "retry-call",
    tries: 5,
    waitMs: 2_000,
    avoid: { forMs: minute, scope: "host" },
  },
  needs_credentials: { do: "ask-for-credentials", avoid: { forMs: hour, scope: "account" } },
  aborted: { do: "give-up" },
  usage: { do: "give-up" },
  spec_invalid: { do: "give-up" },
  config_invalid: { do: "give-up" },
  no_offer_matches: { do: "give-up" },
  nothing_rented: { do: "give-up" },
  budget_reached: { do: "give-up" },
  interrupted_too_often: { do: "give-up" },
  cancelled: { do: "give-up" },
  terminated: { do: "give-up" },
  timeout: { do: "give-up" },
  not_found: { do: "give-up" },
  not_yet: { do: "give-up" },
  store: { do: "give-up" },
  internal: { do: "give-up" },
} as const satisfies Record<FailureKind, FailureRule>;
