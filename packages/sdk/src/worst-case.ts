import type { Candidate } from "@gpujob/engine";
import { extraDiskGib } from "@gpujob/scheduler";
import type { JobSpec } from "@gpujob/spec";
import { formatDuration, formatMoney } from "@gpujob/spec";

/** The engine sets a platform's end timer so much after the last use of the machine. */
const timerSlackMs = 11 * 60_000;

/** What happens, in money, if nobody comes back to a run on the best offer of a plan; empty without one. */
export function worstCaseOf(job: JobSpec, best: Candidate | undefined): string {
  if (best === undefined) return "";
  const { limits } = job;
  const { offer, pricePerHour, capabilities } = best;
  const { release, powerOff } = capabilities;
  if (release === "owned")
    return "Nothing is billed on your own machine; its cards are free again when the job ends.";
  if (release === "by-hand") return worstByHand(best);
  const hasTimer = offer.autoRelease ?? capabilities.autoRelease;
  if (!hasTimer && powerOff === "none")
    return `If nobody comes back, nothing ends the machine but this program: it costs ${formatMoney(pricePerHour)} per hour until you run gpujob again or end it in the console of ${offer.platform}.`;
  const slackMs = powerOff === "none" ? timerSlackMs : 0;
  const hours = (limits.timeMs + limits.holdMs + slackMs) / 3_600_000;
  const all = { ...pricePerHour, micros: Math.ceil(pricePerHour.micros * hours) };
  // The budget is known to the host: it counts only where the host itself can end the machine.
  const most = powerOff === "none" ? all : (limits.budget ?? all);
  const ends = hasTimer
    ? "the platform's own timer ends the machine"
    : "the machine powers itself off";
  const disk = powerOff === "stops" && !hasTimer ? sayStoppedDisk(job, best) : "";
  return `If nobody comes back, ${ends}; at most ${formatMoney(most)} (limits: ${formatDuration(limits.timeMs)} of run, ${formatDuration(limits.holdMs)} of hold).${disk}`;
}

/** A machine that is only stopped keeps its disk, and so may the bill. */
function sayStoppedDisk(job: JobSpec, { offer }: Candidate): string {
  const { diskPerGibHour } = offer.price;
  if (diskPerGibHour === undefined)
    return " What its disk costs while it is stopped, until it is released, is not known.";
  const { currency, micros } = diskPerGibHour;
  const perHour = { currency, micros: Math.round(micros * extraDiskGib(job, offer)) };
  return perHour.micros === 0
    ? ""
    : ` Its disk costs ${formatMoney(perHour)} per hour on while it is stopped, until it is released.`;
}

/** Nothing of ours ends the bill of a machine that was rented by hand, unless its own power-off does. */
function worstByHand({ offer, pricePerHour }: Candidate): string {
  const { powerOff = "none", endAt = `the console of ${offer.platform}` } = offer.byHand ?? {};
  return powerOff === "none"
    ? `You pay ${formatMoney(pricePerHour)} per hour until you end the machine yourself at ${endAt}, also after the job.`
    : `If nobody comes back, the machine powers itself off; whether that ended the bill is seen at ${endAt}.`;
}
