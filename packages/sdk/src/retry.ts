import { copyFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { submitRun } from "@gpujob/engine";
import { GpujobError } from "@gpujob/spec";
import type { RunRow } from "@gpujob/store";
import type { SubmittedRun } from "./gpujob.ts";
import { codeManifest } from "./run-files.ts";
import { submissionOf } from "./runs.ts";
import { beginNow } from "./settle-moments.ts";
import { begin } from "./submit.ts";
import { makeSubmission, newRunId } from "./submission.ts";
import { defaultOutput } from "./job-source.ts";
import { checkOutputFolder } from "./output-folder.ts";
import type { Workshop } from "./workshop.ts";

/** The same job again, with the code as it was and, unless `fresh`, from its last checkpoint. */
export async function retryRun(
  workshop: Workshop,
  row: RunRow,
  options: { readonly fresh?: boolean; readonly detach?: boolean },
  _wait: { readonly signal: AbortSignal },
): Promise<SubmittedRun> {
  if (row.settledAt === undefined) {
    throw new GpujobError("usage", `${row.runId} is still going on.`, {
      hint: `gpujob stop ${row.runId} ends it first.`,
    });
  }
  const old = submissionOf(row);
  const setUp = await workshop.setUp({ extra: old.platforms ?? [] });
  const runId = newRunId(workshop.around);
  const outputFolder = defaultOutput(workshop.around, runId);
  await checkOutputFolder(outputFolder);
  const submission = makeSubmission({
    runId,
    job: beginNow(old.job, row.runId, workshop.around.clock.now()),
    config: setUp.configuration.config,
    around: workshop.around,
    installation: await workshop.installation(setUp.configuration),
    isDetached: options.detach === true,
    uploadBytes: old.uploadBytes,
    outputFolder,
    ...(options.fresh === true ? {} : { resumeFrom: { runId: row.runId } }),
    ...(old.platforms === undefined ? {} : { platforms: old.platforms }),
  });
  await keepCode(workshop, row.runId, runId);
  await submitRun(await workshop.store(), submission);
  return begin(workshop, { submission, setUp, detach: options.detach === true });
}

async function keepCode({ around }: Workshop, from: string, to: string): Promise<void> {
  const target = codeManifest(around.home, to);
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  await copyFile(codeManifest(around.home, from), target);
}
