import type { Capabilities } from "@gpujob/spec";
import type { ConformanceContext } from "./context.ts";
import type { ConformanceHelpers } from "./setup.ts";

/** Parts of the suite, in the order in which they run. */
export const conformanceGroups = [
  "definition",
  "offers",
  "create",
  "get and list",
  "release",
  "errors",
  "abort",
  "capabilities",
  "channel",
  "nothing left",
] as const;
export type ConformanceGroup = (typeof conformanceGroups)[number];

/** Why a check does not apply; `undefined`: it does. */
export type Need = (context: ConformanceContext) => string | undefined;

/** One promise of the contract as something that can fail. */
export interface ConformanceCheck {
  readonly group: ConformanceGroup;
  /** A sentence about behaviour. */
  readonly name: string;
  readonly needs?: readonly Need[];
  /** Throws when the promise is broken. */
  readonly run: (context: ConformanceContext) => void | Promise<void>;
}

/** Thrown by a check that finds on its way that it does not apply. */
export class DoesNotApply extends Error {}

/** The first reason to leave a check out. */
export function skipReason(
  check: ConformanceCheck,
  context: ConformanceContext,
): string | undefined {
  for (const need of check.needs ?? []) {
    const reason = need(context);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Only for platforms whose capability has one of these values. */
export function whereCapability<Name extends keyof Capabilities>(
  name: Name,
  ...values: readonly Capabilities[Name][]
): Need {
  return ({ capabilities }) =>
    values.includes(capabilities[name])
      ? undefined
      : `the capability ${name} is ${JSON.stringify(capabilities[name])}`;
}

/** Only where the other side can be made to do this. */
export function whereHelper(name: keyof ConformanceHelpers): Need {
  return ({ setup }) =>
    setup[name] === undefined ? `the test's set-up has no ${name}` : undefined;
}

/** Only where leases can be ended through the adapter. */
export const whereReleasable: Need = whereCapability("release", "api", "owned");

/** Only where so many machines may be rented at once. */
export function whereLeases(count: number): Need {
  return ({ setup }) =>
    (setup.maxLeases ?? 3) >= count ? undefined : `the set-up allows fewer than ${count} leases`;
}
