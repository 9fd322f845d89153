import type { AdapterDefinition } from "@gpujob/spec";
import { afterAll, beforeAll, describe, it } from "vitest";
import { conformanceGroups, skipReason } from "./check.ts";
import type { ConformanceContext } from "./context.ts";
import { createConformanceContext } from "./context.ts";
import { conformanceChecks, runCheck } from "./run-conformance.ts";
import type { ConformanceSetup } from "./setup.ts";

/** How the suite is put into a test file. */
export interface DescribeAdapterOptions {
  /** What is tested, such as `autodl on its fake server`. @default the adapter's title */
  readonly title?: string;
  /** Makes the platform under test, once for the whole suite. */
  readonly setup: () => ConformanceSetup | Promise<ConformanceSetup>;
  /** For one check, in milliseconds. @default 120_000 */
  readonly timeoutMs?: number;
  /** Checks that the other side cannot serve, by name, with the reason; for servers that others wrote. @default none */
  readonly except?: Readonly<Record<string, string>>;
}

/**
 * The conformance suite as vitest tests: call it at the top of a test file. Checks that do not apply are skipped with
 * the reason. One platform serves all checks, one after another; each releases what it rented.
 */
export function describeAdapter<Config>(
  definition: AdapterDefinition<Config>,
  options: DescribeAdapterOptions,
): void {
  const timeout = options.timeoutMs ?? 120_000;
  const title = options.title ?? definition.title;
  describe.for([title])("%s", { concurrent: false, timeout }, () => {
    let context: ConformanceContext | undefined;
    beforeAll(async () => {
      context = createConformanceContext(definition, await options.setup());
    }, timeout);
    afterAll(async () => {
      await context?.setup.close?.();
    }, timeout);

    describe.for([...conformanceGroups])("%s", (group) => {
      const checks = conformanceChecks.filter((check) => check.group === group);
      // oxlint-disable-next-line vitest/expect-expect -- the checks assert
      it.for(checks)("$name", async (check, { skip }) => {
        if (context === undefined) throw new Error("The set-up did not finish.");
        const reason = options.except?.[check.name] ?? skipReason(check, context);
        if (reason !== undefined) skip(reason);
        const late = await runCheck(check, context);
        if (late !== undefined) skip(late);
      });
    });
  });
}
