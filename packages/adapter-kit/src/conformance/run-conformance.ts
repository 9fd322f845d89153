import type { AdapterDefinition } from "@gpujob/spec";
import { abortChecks } from "./abort-checks.ts";
import { capabilityChecks } from "./capability-checks.ts";
import { channelChecks } from "./channel-checks.ts";
import type { ConformanceCheck } from "./check.ts";
import { DoesNotApply, skipReason } from "./check.ts";
import type { ConformanceContext } from "./context.ts";
import { createConformanceContext } from "./context.ts";
import { createChecks } from "./create-checks.ts";
import { definitionChecks } from "./definition-checks.ts";
import { errorChecks } from "./error-checks.ts";
import { lastChecks } from "./last-checks.ts";
import { leaseChecks } from "./lease-checks.ts";
import { offerChecks } from "./offer-checks.ts";
import { releaseChecks } from "./release-checks.ts";
import type { ConformanceSetup } from "./setup.ts";

/** Every check of the suite, in order. */
export const conformanceChecks: readonly ConformanceCheck[] = [
  ...definitionChecks,
  ...offerChecks,
  ...createChecks,
  ...leaseChecks,
  ...releaseChecks,
  ...errorChecks,
  ...abortChecks,
  ...capabilityChecks,
  ...channelChecks,
  ...lastChecks,
];

/** How one check ended. */
export interface ConformanceResult {
  readonly check: ConformanceCheck;
  readonly state: "passed" | "failed" | "skipped";
  /** Why it was skipped. */
  readonly reason?: string;
  readonly error?: unknown;
}

/** Runs one check and then releases what it rented, whatever happened; answers why it did not apply after all. */
export async function runCheck(
  check: ConformanceCheck,
  context: ConformanceContext,
): Promise<string | undefined> {
  try {
    await check.run(context);
    return undefined;
  } catch (error) {
    if (error instanceof DoesNotApply) return error.message;
    throw error;
  } finally {
    await context.cleanUp();
  }
}

/** Runs the whole suite without a test runner, for live probes and for testing the suite itself. */
export async function runConformance<Config>(
  definition: AdapterDefinition<Config>,
  setup: ConformanceSetup,
): Promise<readonly ConformanceResult[]> {
  const context = createConformanceContext(definition, setup);
  const results: ConformanceResult[] = [];
  for (const check of conformanceChecks) {
    const reason = skipReason(check, context);
    if (reason !== undefined) {
      results.push({ check, state: "skipped", reason });
      continue;
    }
    try {
      const late = await runCheck(check, context);
      results.push(
        late === undefined ? { check, state: "passed" } : { check, state: "skipped", reason: late },
      );
    } catch (error) {
      results.push({ check, state: "failed", error });
    }
  }
  await setup.close?.();
  return results;
}
