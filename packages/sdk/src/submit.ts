import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { submitRun } from "@gpujob/engine";
import type { Submission } from "@gpujob/engine";
import type { JobSpec, RunView } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { saveCode } from "./run-files.ts";
import { isDriven, startDriver } from "./background.ts";
import { driveHere } from "./drive-here.ts";
import type { SubmitOptions, SubmittedRun } from "./gpujob.ts";
import { defaultOutput } from "./job-source.ts";
import { checkOutputFolder } from "./output-folder.ts";
import { prepareJob } from "./plan.ts";
import type { PreparedJob } from "./plan.ts";
import { findRun, snapshotOf, toRunView } from "./runs.ts";
import { checkBudget, makeSubmission, newRunId } from "./submission.ts";
import type { SetUp, Workshop } from "./workshop.ts";

type Wait = { readonly signal: AbortSignal };

/** Plans, asks, keeps the code, writes the run, and drives it here or in the background. */
export async function submit(
  workshop: Workshop,
  options: SubmitOptions,
  wait: Wait,
): Promise<SubmittedRun> {
  // What will be rented is asked for now.
  const { planned } = options;
  const prepared = await prepareJob(workshop, options, {
    freshness: "refresh",
    ...(planned === undefined ? {} : { planned }),
    ...wait,
  });
  const store = await workshop.store();
  const [best] = prepared.candidates;
  const kept =
    options.on === undefined
      ? undefined
      : await findKeptMachine(workshop, options.on, prepared.job);
  const { queueMs, startAt } = prepared.job;
  if (kept !== undefined && startAt !== undefined)
    throw new GpujobError("usage", "A kept machine does not wait for startAt.", {
      hint: "Leave out startAt, or --on.",
    });
  if (best === undefined && kept === undefined && queueMs === undefined && startAt === undefined)
    throw noOffer(prepared);
  const runId = newRunId(workshop.around);
  const from = options.from === undefined ? undefined : await findRun(store, options.from);
  const outputFolder =
    options.output === undefined
      ? defaultOutput(workshop.around, runId)
      : resolve(workshop.around.cwd, options.output);
  await checkOutputFolder(outputFolder);
  const asked = makeSubmission({
    runId,
    job: prepared.job,
    config: prepared.setUp.configuration.config,
    around: workshop.around,
    installation: await workshop.installation(prepared.setUp.configuration),
    isDetached: options.detach === true,
    uploadBytes: prepared.code.bytes,
    outputFolder,
    ...(best === undefined ? {} : { quoted: best.totalPrice }),
    ...(from === undefined ? {} : { resumeFrom: { runId: from.runId } }),
    ...(kept === undefined ? {} : { on: { runId: kept } }),
    ...(prepared.extra.length === 0 ? {} : { platforms: prepared.extra }),
    ...(prepared.planned === undefined ? {} : { planned: prepared.planned }),
  });
  if (best !== undefined) checkBudget(asked, best);
  if (options.confirm !== undefined && !(await options.confirm(prepared.result))) {
    throw new GpujobError("cancelled", "Nothing was rented.");
  }
  // The time that a person took to answer is not the run's.
  const submission = { ...asked, submittedAt: workshop.around.clock.now() };
  await saveCode({
    home: workshop.around.home,
    runId,
    at: workshop.around.clock.now(),
    content: workshop.content,
    files: prepared.code.files,
    signal: wait.signal,
  });
  const key = options.idempotencyKey;
  const idempotency = key === undefined ? undefined : { key, contentHash: hashJob(prepared) };
  const made = await submitRun(store, submission, idempotency);
  if (!made.isNew) return adoptExisting(workshop, prepared.setUp, made.runId);
  return begin(workshop, { submission, setUp: prepared.setUp, detach: options.detach === true });
}

/** Drives a run that was just written. */
export async function begin(
  workshop: Workshop,
  run: { readonly submission: Submission; readonly setUp: SetUp; readonly detach: boolean },
): Promise<SubmittedRun> {
  const { runId } = run.submission;
  if (!run.detach) return driveHere(workshop, run.setUp, runId, { isNew: true });
  await startDriver(runId, workshop.around, workshop.options.driverCommand);
  return handedOver(workshop, runId, true);
}

/** The same idempotency key made it before: watch it, or drive it when nobody does. */
async function adoptExisting(
  workshop: Workshop,
  setUp: SetUp,
  runId: string,
): Promise<SubmittedRun> {
  const row = await findRun(await workshop.store(), runId);
  return row.settledAt === undefined
    ? driveHere(workshop, setUp, runId, { isNew: false })
    : handedOver(workshop, runId, false);
}

async function handedOver(
  workshop: Workshop,
  runId: string,
  isNew: boolean,
): Promise<SubmittedRun> {
  const store = await workshop.store();
  const view = async (): Promise<RunView> =>
    toRunView(await findRun(store, runId), workshop.around.clock.now());
  return {
    id: runId,
    isNew,
    events: (async function* () {})(),
    result: view(),
    detach: async () => undefined,
    stop: async () => undefined,
  };
}

/** `--on RUN`: a run whose machine is kept now, with as many nodes as the job wants. Throws `usage`. */
async function findKeptMachine(
  workshop: Workshop,
  reference: string,
  job: JobSpec,
): Promise<string> {
  const store = await workshop.store();
  const row = await findRun(store, reference);
  const { phase, context } = snapshotOf(row);
  const attempt = context.attempts[context.current - 1];
  if (phase !== "holding" || attempt?.isCollected !== true) {
    throw new GpujobError("usage", `${row.runId} keeps no machine now (it is ${row.state}).`, {
      hint: "Submit the first job with keep: 15m, and the next one within that time.",
    });
  }
  if (attempt.members.length !== job.resources.nodes) {
    throw new GpujobError(
      "usage",
      `${row.runId} keeps ${attempt.members.length} machines, and this job asks for ${job.resources.nodes}.`,
    );
  }
  const now = workshop.around.clock.now();
  if (!isDriven(await store.readLock(row.runId), now)) {
    await startDriver(row.runId, workshop.around, workshop.options.driverCommand);
  }
  return row.runId;
}

function noOffer({ explanation }: PreparedJob): GpujobError {
  const { kind, message, hint } = explanation ?? {
    kind: "no_offer_matches",
    message: "No offer fits.",
    hint: "See gpujob plan.",
  };
  return new GpujobError(kind, message, { hint });
}

function hashJob(prepared: PreparedJob): string {
  const { startAt, deadline } = prepared.written;
  const hash = createHash("sha256").update(JSON.stringify({ ...prepared.job, startAt, deadline }));
  for (const { file } of prepared.code.files) hash.update(`${file.path} ${file.sha256}\n`);
  return hash.digest("hex");
}
