import type { BillingRule } from "@gpujob/spec";
import { billSeconds } from "./billing.ts";
import { expectedInterruptions, type InterruptedRun } from "./expected-rework.ts";

/** A run on spot, and what is billed of a machine beside set-up and work. */
export interface BilledRun extends InterruptedRun {
  /** Billed of each machine before it is up. */
  readonly billedBootSeconds: number;
  /** Billed of the last machine after the work. */
  readonly afterSeconds: number;
  /** After more the run ends, whatever is done. */
  readonly mostInterruptions: number;
}

/** Ends of the last machine that are looked at. */
const samples = 16;

/**
 * Seconds that rounding up to units and the minimum are expected to add to all machines of a run on spot: each that is
 * taken away is a bill of its own, and so is the last.
 */
export function expectedRoundingSeconds(rule: BillingRule, run: BilledRun): number {
  const { workSeconds, setUpSeconds = 0, billedBootSeconds, afterSeconds } = run;
  const onMachine = setUpSeconds + workSeconds;
  const before = billedBootSeconds + setUpSeconds;
  const surplus = (seconds: number): number => billSeconds(rule, seconds) - seconds;
  const whole = surplus(before + workSeconds + afterSeconds);
  const rate = run.interruptionsPerHour / 3600;
  const interruptions = Math.min(expectedInterruptions(run), run.mostInterruptions);
  if (interruptions === 0) return whole;
  const undisturbed = Math.exp(-rate * onMachine);
  const last = averageOf(
    savedParts(run).map((saved) => surplus(before + workSeconds - saved + afterSeconds)),
  );
  const each = roundingOfInterrupted(rule, rate, billedBootSeconds, onMachine);
  return undisturbed * whole + (1 - undisturbed) * last + interruptions * each;
}

/** How much may have been saved when the last machine began: evenly spread over the checkpoints. */
function savedParts({
  workSeconds,
  checkpointSeconds = workSeconds,
}: BilledRun): readonly number[] {
  const stretch = Math.min(workSeconds, Math.max(1, checkpointSeconds));
  const saves = Math.max(1, Math.ceil(workSeconds / stretch - 1e-9));
  const count = Math.min(saves, samples);
  return Array.from(
    { length: count },
    (_, index) => Math.floor(((index + 0.5) * saves) / count) * stretch,
  );
}

function averageOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/**
 * Expected surplus of one machine that was taken away after T seconds, T being exponential and cut off at `within`. With
 * units of u, the first of them ending at t (after the minimum too), T pays one unit more for each of t, t + u, t + 2u, …
 * that it passes.
 */
function roundingOfInterrupted(
  { unitSeconds, minimumSeconds, mode }: BillingRule,
  rate: number,
  bootSeconds: number,
  within: number,
): number {
  const unit = Math.max(1, unitSeconds);
  const least = Math.max(bootSeconds, minimumSeconds, mode === "prepaid" ? 1 : 0);
  const units = Math.ceil(least / unit);
  const first = units * unit - bootSeconds;
  const atEnd = Math.exp(-rate * within);
  const chance = 1 - atEnd;
  if (chance <= 0) return 0;
  const passes = first < within ? Math.ceil((within - first) / unit) : 0;
  // The sum of exp(-r(t + ju)) - exp(-r · within) over all that can be passed.
  const passed =
    passes === 0
      ? 0
      : (Math.exp(-rate * first) * Math.expm1(-rate * unit * passes)) / Math.expm1(-rate * unit) -
        passes * atEnd;
  const mean = (chance / rate - within * atEnd) / chance;
  return (units + passed / chance) * unit - bootSeconds - mean;
}
