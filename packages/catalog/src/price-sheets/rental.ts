import type { BillingRule, Capabilities } from "@gpujob/spec";

/** What must be known of a platform whose machines are rented and ended by hand in its console. */
export interface Rental {
  /** As in the ids of its price sheets. */
  readonly platform: string;
  /** Its name as people know it. */
  readonly title: string;
  readonly country: string;
  /** Where its user ends a machine, in words. */
  readonly endAt: string;
  readonly billing: BillingRule;
  /** Does the next billing unit begin by itself until the machine is ended? */
  readonly renews: boolean;
  /** What the machine's own power-off does to the bill; `none` also where nobody knows. */
  readonly powerOff: Capabilities["powerOff"];
  /** The platform's own shell command that ends the machine from within, and what that does to the bill. */
  readonly selfEnd?: { readonly command: string; readonly effect: "stops" | "ends" };
  /** Large folders for our work, best first; one that is not there is passed over. */
  readonly workFolders: readonly string[];
  /** What is lost so long after a stop; without `path` the machine itself. */
  readonly wipes: readonly { readonly path?: string; readonly afterStopSeconds: number }[];
  /** Variables that make downloads work from its rooms, for each job; see `mirrors.ts`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Traps, one sentence each. */
  readonly notes: readonly string[];
  readonly source: string;
  /** ISO-8601 date on which it was read; the first of the month where only the month is known. */
  readonly observedAt: string;
}
