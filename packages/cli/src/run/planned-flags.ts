import type { PlannedFile } from "@gpujob/sdk";
import { usage } from "../flags.ts";

/** What `submit --plan` is held to. Throws `usage` for flags that go against it. */
export function readPlanned(flags: {
  readonly plan: string | undefined;
  readonly tolerance: number | undefined;
  readonly on: string | undefined;
}): PlannedFile | undefined {
  const { plan, tolerance, on } = flags;
  if (plan === undefined) {
    if (tolerance === undefined) return undefined;
    throw usage("--tolerance says how far a price may be from that of --plan, which is not given.");
  }
  if (on !== undefined) {
    throw usage("--plan rents the machine of a plan, and --on uses one that is kept: give one.");
  }
  return { file: plan, ...(tolerance === undefined ? {} : { tolerance }) };
}

/** `5%` or `5` as a share. */
export function readShare(text: string, flag: string): number {
  const percent = /^\d+(?:\.\d+)?(?=%?$)/.exec(text)?.[0];
  if (percent !== undefined) return Number(percent) / 100;
  throw usage(`--${flag} takes a percentage such as 5%, not "${text}".`);
}
