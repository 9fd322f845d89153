import { GpujobError, listSecrets } from "@gpujob/spec";
import type { RunView } from "@gpujob/spec";
import type { RunRow } from "@gpujob/store";
import { findOrphans, isDriven, startDriver } from "./background.ts";
import { submissionOf, toRunView } from "./runs.ts";
import type { Workshop } from "./workshop.ts";

/** Has a background driver go on with a run that nobody drives, unless its secrets are missing here; says which. */
export async function adopt(workshop: Workshop, row: RunRow): Promise<string> {
  const missing = await missingSecrets(workshop, row);
  if (missing.length > 0) return needsCredentials(row.runId, missing).message;
  await startDriver(row.runId, workshop.around, workshop.options.driverCommand);
  return `${row.runId} had lost its driver; a background driver goes on with it.`;
}

/** How often somebody who waits for a run looks for a dead driver; a new one gets as long to begin. */
const guardEveryMs = 5000;

/** For those who wait: called again and again, it has a driver that was lost meanwhile replaced. */
export function createDriverGuard(workshop: Workshop, runId: string): () => Promise<void> {
  const { clock } = workshop.around;
  let nextAt = clock.now() + guardEveryMs;
  return async () => {
    if (clock.now() < nextAt || workshop.options.driverCommand === undefined) return;
    nextAt = clock.now() + guardEveryMs;
    const orphans = await findOrphans(await workshop.store(), clock.now());
    const row = orphans.find((orphan) => orphan.runId === runId);
    if (row !== undefined) await adopt(workshop, row);
  };
}

/** A run that nobody drives and whose secrets cannot be resolved here says so. */
export async function viewWithDriver(workshop: Workshop, row: RunRow): Promise<RunView> {
  const now = workshop.around.clock.now();
  const view = toRunView(row, now);
  if (row.settledAt !== undefined) return view;
  if (isDriven(await (await workshop.store()).readLock(row.runId), now)) return view;
  const missing = await missingSecrets(workshop, row);
  return missing.length === 0
    ? view
    : { ...view, state: "needs-credentials", reason: missing.join("; ") };
}

async function missingSecrets({ around }: Workshop, row: RunRow): Promise<readonly string[]> {
  const missing: string[] = [];
  const secrets = Object.entries(listSecrets(submissionOf(row).job));
  if (secrets.length === 0) return missing;
  const { resolveSecret } = await import("./on-demand.ts");
  for (const [name, reference] of secrets) {
    await resolveSecret(reference, around).catch((error: unknown) => {
      missing.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    });
  }
  return missing;
}

/** What a run that nobody can drive here waits for. */
export function needsCredentials(runId: string, missing: readonly string[]): GpujobError {
  return new GpujobError("needs_credentials", `${runId} waits for secrets: ${missing.join("; ")}`, {
    hint: "Set them and run any gpujob command: it goes on then.",
  });
}
