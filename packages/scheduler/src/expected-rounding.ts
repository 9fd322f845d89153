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

/** Pieces of time that are too short for their rounding to be worth an exact count. */
const shortUnitSeconds = 60;

/** More stretches than this are taken for so many longer ones: of so many ends, one more or less does not matter. */
const mostStretches = 64;

/**
 * Seconds that rounding up to units and the minimum are expected to add to all machines of a run on spot: each that is
 * taken away is a bill of its own, and so is the last.
 *
 * Let f(k) be what is added from a fresh machine on while k stretches of work are left. That machine is taken away in one
 * of them, j being done, with probability p(j), which adds g(j) for its own bill and f(k - j) for what follows; or it
 * does them all, which adds the surplus of its whole life. f(k) stands on both sides for j = 0.
 */
export function expectedRoundingSeconds(rule: BillingRule, run: BilledRun): number {
  const { workSeconds, setUpSeconds = 0, billedBootSeconds: boot, afterSeconds } = run;
  const rate = run.interruptionsPerHour / 3600;
  const surplusAfter = (work: number): number => {
    const seconds = boot + setUpSeconds + work + afterSeconds;
    return billSeconds(rule, seconds) - seconds;
  };
  const interruptions = expectedInterruptions(run);
  if (interruptions === 0) return surplusAfter(workSeconds);
  // Of a minute nobody sees which half it was; there may be thousands of such offers.
  if (Math.max(rule.unitSeconds, rule.minimumSeconds) <= shortUnitSeconds) {
    const ended = Math.min(interruptions, run.mostInterruptions);
    return surplusAfter(workSeconds) + (ended * rule.unitSeconds) / 2;
  }
  const takenBy = compileTaken(rule, rate, boot);
  if (interruptions > run.mostInterruptions) {
    const { chance, surplus } = takenBy(setUpSeconds + workSeconds);
    return surplusAfter(workSeconds) + (run.mostInterruptions * surplus) / chance;
  }
  const stretches = countStretches(run);
  const stretch = workSeconds / stretches;
  const by = Array.from({ length: stretches + 1 }, (_, done) =>
    takenBy(done === 0 ? 0 : setUpSeconds + done * stretch),
  );
  const added: number[] = [0];
  for (let left = 1; left <= stretches; left++) {
    let sum =
      (1 - (by[left]?.chance ?? 0)) * surplusAfter(left * stretch) + (by[left]?.surplus ?? 0);
    for (let done = 1; done < left; done++) {
      const chance = (by[done + 1]?.chance ?? 0) - (by[done]?.chance ?? 0);
      sum += chance * (added[left - done] ?? 0);
    }
    added.push(sum / (1 - (by[1]?.chance ?? 0)));
  }
  return added[stretches] ?? 0;
}

function countStretches({ workSeconds, checkpointSeconds = workSeconds }: BilledRun): number {
  const stretch = Math.min(workSeconds, Math.max(1, checkpointSeconds));
  return Math.min(mostStretches, Math.max(1, Math.round(workSeconds / stretch)));
}

/**
 * How likely a machine is taken away within so many seconds of being up, and what rounding up adds then, times that
 * chance. With units of u, the first of them ending at t (after the minimum too), a machine pays one unit more for each of
 * t, t + u, t + 2u, … that it passes.
 */
function compileTaken(
  { unitSeconds, minimumSeconds, mode }: BillingRule,
  rate: number,
  boot: number,
): (within: number) => { readonly chance: number; readonly surplus: number } {
  const unit = Math.max(1, unitSeconds);
  const least = Math.max(boot, minimumSeconds, mode === "prepaid" ? 1 : 0);
  const units = Math.ceil(least / unit);
  const first = units * unit - boot;
  return (within) => {
    const atEnd = Math.exp(-rate * within);
    const chance = -Math.expm1(-rate * within);
    const passes = first < within ? Math.ceil((within - first) / unit) : 0;
    // The sum of exp(-r(t + ju)) - exp(-r · within) over all that can be passed.
    const passed =
      passes === 0
        ? 0
        : (Math.exp(-rate * first) * Math.expm1(-rate * unit * passes)) / Math.expm1(-rate * unit) -
          passes * atEnd;
    const time = chance / rate - within * atEnd;
    return { chance, surplus: (units * chance + passed) * unit - boot * chance - time };
  };
}
