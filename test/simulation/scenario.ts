import type { BillingRule } from "@gpujob/spec";

/** Everything that a history is made of, as data: the same scenario is the same history, and faults can be taken out. */
export interface Scenario {
  readonly seed: number;
  readonly platforms: readonly PlatformFacts[];
  readonly job: JobFacts;
  readonly faults: readonly Fault[];
  /** How long it takes until somebody drives again after a driver has died, in milliseconds. */
  readonly restartMs: number;
}

/** One simulated platform. Times in milliseconds. */
export interface PlatformFacts {
  readonly name: string;
  /** `by-hand`: a machine that the user rented and that bills until the user ends it, or it itself where `powerOff` is `ends`. */
  readonly release: "api" | "owned" | "by-hand";
  readonly idempotency: "token" | "name" | "none";
  /** A new machine is in no list and no read for so long; the declared window is at least that. */
  readonly lagMs: number;
  readonly windowMs: number;
  readonly bootMs: number;
  /** From an accepted release to the end. */
  readonly releaseMs: number;
  /** One way of a call. */
  readonly latencyMs: number;
  readonly autoRelease: boolean;
  readonly powerOff: "stops" | "ends" | "none";
  /** Says `no such machine` of ended ones instead of `ended`. */
  readonly forgets: boolean;
  readonly offers: readonly OfferFacts[];
}

export interface OfferFacts {
  readonly id: string;
  readonly micros: number;
  readonly billing: BillingRule;
  readonly market: "on-demand" | "spot";
  readonly stock: number;
}

/** What the job asks for and does. Times in milliseconds. */
export interface JobFacts {
  readonly nodes: number;
  readonly workMs: number;
  /** Attempts up to this number end with `code`, the others with 0. */
  readonly failsUntil: number;
  readonly code: number;
  readonly checkpointMs?: number;
  /** Does it save and leave soon after it is asked to stop, or never by itself? */
  readonly heedsStop: boolean;
  readonly retryFailures: number;
  readonly retryInterruptions: number;
  readonly timeLimitMs: number;
  readonly orphanMs: number;
  readonly holdMs: number;
  readonly budgetMicros?: number;
  readonly tether: "auto" | "short" | "long";
  readonly queueMs?: number;
  /** Two offers are asked at once. */
  readonly hedge?: 2;
  /** The machine is kept for so long after the job. */
  readonly keepMs?: number;
}

/** One thing that goes wrong, or that somebody does. Times in milliseconds; `nth` counts from 1. */
export type Fault =
  | {
      readonly kind: "create";
      readonly nth: number;
      /**
       * `refused`: no capacity. `lost`: never arrives. `reply-lost`: made, no answer. `error-made`: made, answered with an
       * error. `late`: answered with an error, made `ms` later. `slow`: takes `ms`. `repriced`: dearer than offered.
       */
      readonly how: "refused" | "lost" | "reply-lost" | "error-made" | "late" | "slow" | "repriced";
      readonly ms: number;
    }
  | {
      readonly kind: "release";
      readonly nth: number;
      readonly times: number;
      readonly how: "ignored" | "lost" | "reply-lost" | "throttled" | "lingers";
      readonly ms: number;
    }
  | {
      readonly kind: "api";
      readonly platform: number;
      readonly atMs: number;
      readonly ms: number;
      readonly how: "down" | "throttled" | "vanish";
    }
  /** Nothing is left on this platform for so long. */
  | {
      readonly kind: "sold-out";
      readonly platform: number;
      readonly atMs: number;
      readonly ms: number;
    }
  | {
      readonly kind: "machine";
      /** In the order in which machines are made. */
      readonly machine: number;
      /** Counted from when it is up. */
      readonly afterMs: number;
      /**
       * `dies`: the platform says so. `hangs`: it says `up` for ever. `taken`: after a notice of `ms`. `slow-boots`: `ms`
       * later than others.
       */
      readonly how:
        | "dies"
        | "hangs"
        | "reboots"
        | "taken"
        | "never-boots"
        | "fails-boot"
        | "slow-boots";
      readonly ms: number;
    }
  | {
      readonly kind: "partition";
      readonly machine: number;
      readonly afterMs: number;
      readonly ms: number;
      /** `up`: what the driver sends is lost. `down`: what the host sends is lost. */
      readonly way: "both" | "up" | "down";
      /** Only for this driver; absent: for all. */
      readonly driver?: number;
    }
  | { readonly kind: "crash"; readonly driver: number; readonly step: number }
  | {
      readonly kind: "stop";
      readonly driver: number;
      readonly step: number;
      readonly ms: number;
      /** Another driver comes so long after; absent: none before this one goes on. */
      readonly takeoverMs?: number;
    }
  | {
      readonly kind: "suspend";
      readonly atMs: number;
      readonly ms: number;
    }
  | { readonly kind: "second-driver"; readonly atMs: number }
  | { readonly kind: "hand-over"; readonly driver: number; readonly atMs: number }
  | {
      readonly kind: "store-down";
      readonly driver: number;
      readonly atMs: number;
      readonly ms: number;
    }
  /** The computer of this driver has no network at all. */
  | {
      readonly kind: "offline";
      readonly driver: number;
      readonly atMs: number;
      readonly ms: number;
    }
  /** The wall clock of the drivers' computer is set forward, or back where `ms` is negative. */
  | { readonly kind: "wall-jump"; readonly atMs: number; readonly ms: number }
  | { readonly kind: "wish"; readonly atMs: number; readonly isNow: boolean }
  /** The user has no more use for the machine that was kept. */
  | { readonly kind: "keep-ended"; readonly atMs: number };
