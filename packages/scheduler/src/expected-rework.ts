/**
 * Seconds that interruptions are expected to add to `workSeconds` of work, when they come at random at a steady rate.
 *
 * Derivation. Let interruptions be a Poisson process of rate r, and let work be saved every c seconds. Each stretch of
 * c seconds must pass without one; an interruption costs what was done of the stretch, and R seconds to be running
 * again. Call E the expected time for one stretch. Waiting for the first interruption or the end of the stretch takes
 * (1 - exp(-rc)) / r on average; with probability 1 - exp(-rc) it was an interruption, and R + E are still to come:
 *
 *     E = (1 - exp(-rc)) / r + (1 - exp(-rc)) · (R + E)
 *     E = (exp(rc) - 1) · (1 / r + R)
 *
 * There are w / c stretches in w seconds of work, so the surplus is (w / c) · E - w. Without checkpoints c is w. For
 * small rc this is the familiar w · r · (c / 2 + R): half a stretch and one restart for each interruption.
 */
export function expectedReworkSeconds(run: {
  readonly workSeconds: number;
  /** Interruptions per hour of the whole placement. */
  readonly interruptionsPerHour: number;
  /** Time between checkpoints; absent: everything is lost. */
  readonly checkpointSeconds?: number;
  /** From an interruption until the work goes on: another machine's boot and upload. */
  readonly restartSeconds: number;
}): number {
  const { workSeconds, restartSeconds } = run;
  const rate = run.interruptionsPerHour / 3600;
  if (rate <= 0 || workSeconds <= 0) return 0;
  const stretch = Math.min(workSeconds, Math.max(1, run.checkpointSeconds ?? workSeconds));
  const perStretch = Math.expm1(rate * stretch) * (1 / rate + restartSeconds);
  return Math.max(0, (workSeconds / stretch) * perStretch - workSeconds);
}
