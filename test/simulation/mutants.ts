/** One ingredient taken out of the promises that the engine is built on, at its ports: never in its own code. */
export interface Mutant {
  readonly name: string;
  /** What must be violated without it. */
  readonly missing: string;
  /** A platform that says it knows tokens makes another machine for each call. */
  readonly forgetsTokens?: boolean;
  /** The first accepted release is believed: reads say `ended` from then on. */
  readonly believesRelease?: boolean;
  /** Hosts obey every driver. */
  readonly hostsIgnoreEpoch?: boolean;
  /** The store lets every driver write, over whatever another has written. */
  readonly storeIgnoresEpoch?: boolean;
  /** A tether that has run out freezes nothing, so that it proves nothing. */
  readonly neverFreezes?: boolean;
  /** What the last driver had begun is begun again as if for the first time. */
  readonly forgetsTries?: boolean;
  /** A second start starts a second time. */
  readonly startsAgain?: boolean;
  /** Lists show nothing: neither the look through the window nor the sweep finds anything. */
  readonly isBlind?: boolean;
}

export const mutants: readonly Mutant[] = [
  { name: "no-token", missing: "idempotency token", forgetsTokens: true },
  { name: "no-proof", missing: "release confirmation", believesRelease: true },
  {
    name: "no-epoch",
    missing: "epoch check",
    hostsIgnoreEpoch: true,
    storeIgnoresEpoch: true,
  },
  { name: "no-freeze", missing: "freeze under a tether", neverFreezes: true },
  { name: "no-recovery-rule", missing: "rule for what was begun before", forgetsTries: true },
  { name: "no-idempotent-start", missing: "idempotent start", startsAgain: true },
  { name: "no-sweep", missing: "look through the window, and sweep", isBlind: true },
];
