/** A run on machines that are taken away at random. */
export interface InterruptedRun {
  readonly workSeconds: number;
  /** Interruptions per hour of the whole placement. */
  readonly interruptionsPerHour: number;
  /** Time between checkpoints; absent: everything is lost. */
  readonly checkpointSeconds?: number;
  /** From an interruption until another machine is up, in which nothing can be interrupted. */
  readonly restartSeconds: number;
  /** On each machine before the work goes on, such as the upload; it can be interrupted. @default 0 */
  readonly setUpSeconds?: number;
}

/**
 * Seconds that interruptions are expected to add to `workSeconds` of work, when they come at random at a steady rate.
 *
 * Derivation. Let interruptions be a Poisson process of rate r while a machine is up, and let work be saved every c
 * seconds. An interruption costs what was done of a stretch of c seconds, b seconds until another machine is up, and s
 * seconds to set it up. Waiting for the first interruption or for the end of t seconds takes (1 - exp(-rt)) / r on
 * average, and with probability 1 - exp(-rt) it was an interruption. So the time V from asking for a machine to the end of
 * the next stretch, and the time E for a stretch on a machine that is at work, are
 *
 *     V = b + (1 - exp(-r(s+c))) / r + (1 - exp(-r(s+c))) · V = exp(r(s+c)) · b + (exp(r(s+c)) - 1) / r
 *     E = (1 - exp(-rc)) / r + (1 - exp(-rc)) · V
 *
 * The first of the stretches takes V, each other E; the surplus is their sum less b, s and the work. Without checkpoints
 * c is all of the work. For small rc this is the familiar r · (c / 2 + b + s) for each second of work: half a stretch and
 * one restart for each interruption.
 */
export function expectedReworkSeconds(run: InterruptedRun): number {
  const { workSeconds, restartSeconds, setUpSeconds = 0 } = run;
  const rate = run.interruptionsPerHour / 3600;
  if (rate <= 0 || workSeconds <= 0) return 0;
  const fresh = (stretch: number): number =>
    (restartSeconds === 0 ? 0 : Math.exp(rate * (setUpSeconds + stretch)) * restartSeconds) +
    Math.expm1(rate * (setUpSeconds + stretch)) / rate;
  const another = (stretch: number): number =>
    -Math.expm1(-rate * stretch) * (1 / rate + fresh(stretch));
  const total = overStretches(run, fresh, another);
  return Math.max(0, total - restartSeconds - setUpSeconds - workSeconds);
}

/** How many interruptions are expected until the work is done: by the same derivation, counting instead of waiting. */
export function expectedInterruptions(run: InterruptedRun): number {
  const { workSeconds, setUpSeconds = 0 } = run;
  const rate = run.interruptionsPerHour / 3600;
  if (rate <= 0 || workSeconds <= 0) return 0;
  const fresh = (stretch: number): number => Math.expm1(rate * (setUpSeconds + stretch));
  const another = (stretch: number): number =>
    -Math.expm1(-rate * stretch) * Math.exp(rate * (setUpSeconds + stretch));
  return overStretches(run, fresh, another);
}

/** The first stretch and all others together, the last one perhaps shorter. */
function overStretches(
  { workSeconds, checkpointSeconds = workSeconds }: InterruptedRun,
  fresh: (stretch: number) => number,
  another: (stretch: number) => number,
): number {
  const stretch = Math.min(workSeconds, Math.max(1, checkpointSeconds));
  const whole = Math.floor(workSeconds / stretch + 1e-9);
  const rest = workSeconds - whole * stretch;
  // Of what can never be done without an end, each part is endless, and none of it counts where there is none of it.
  const others = whole > 1 ? (whole - 1) * another(stretch) : 0;
  return fresh(stretch) + others + (rest > 1e-6 ? another(rest) : 0);
}
