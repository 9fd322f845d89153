import type { JobSpec, Offer } from "@gpujob/spec";
import { expectedReworkSeconds, type InterruptedRun } from "./expected-rework.ts";
import { imageFor } from "./image.ts";
import { formatNumber } from "./text.ts";

/** What the time of a job depends on beside the job and the offer. */
export interface TimeContext {
  /** Bytes that will be sent to each node; absent: not known. */
  readonly uploadBytes?: number;
  /** Bytes of outputs that will come home from each node; absent: what the job says, else not known. */
  readonly outputBytes?: number;
  /** Upload speed of this machine in Mbit/s; absent: 30 is assumed, and said. */
  readonly bandwidthMbps?: number;
  /** Seconds for fetching data that is not there yet; `null`: not known. @default 0 */
  readonly dataSeconds?: number | null;
}

/** The stretches of a run on an offer, in whole seconds; `null` is not known. */
export interface ExpectedTimes {
  readonly work: number;
  readonly boot: number;
  readonly imagePull: number | null;
  readonly upload: number | null;
  /** Fetching what data is not there yet. */
  readonly data: number | null;
  readonly download: number | null;
  readonly keep: number;
  /** All that interruptions add. */
  readonly rework: number | null;
  /** On spot, where the rate is known. */
  readonly interrupted?: InterruptedRun;
  readonly isBootBilled: boolean;
}

const gib = 2 ** 30;
/** Used where a platform gives no usual time from create to ready. */
const assumedBootSeconds = 120;
const assumedUploadMbps = 30;
const assumedDownloadMbps = 100;
const bootAssumed = `the boot time (${assumedBootSeconds} s assumed)`;

/** How long what takes on an offer; what is not known or assumed is added to `unknown`, in words. */
export function expectTimes(
  job: JobSpec,
  offer: Offer,
  context: TimeContext,
  unknown: string[] = [],
): ExpectedTimes {
  const work = Math.ceil(job.expectedTimeMs / 1000);
  const boot = Math.ceil(offer.bootSeconds ?? assumedBootSeconds);
  if (offer.bootSeconds === undefined) unknown.push(bootAssumed);
  const told = offer.price.billing.isBootBilled;
  if (told === undefined && boot > 0) unknown.push("whether the boot is billed (taken as billed)");
  const imagePull = pullSeconds(job, offer, unknown);
  const upload = uploadSeconds(job, context, unknown);
  const { dataSeconds: data = 0 } = context;
  const download = downloadSeconds(job, context, unknown);
  const keep = Math.ceil((job.keepMs ?? 0) / 1000);
  const isBootBilled = told ?? true;
  const before = isBootBilled ? boot + (imagePull ?? 0) : 0;
  const interrupted = interruptedRun(
    job,
    offer,
    { work, restart: before, setUp: (upload ?? 0) + (data ?? 0) },
    unknown,
  );
  const rework = interrupted === "unknown" ? null : reworkSeconds(job, work, interrupted);
  return {
    work,
    boot,
    imagePull,
    upload,
    data,
    download,
    keep,
    rework,
    isBootBilled,
    ...(typeof interrupted === "object" ? { interrupted } : {}),
  };
}

/** From asking for a machine until results are at home, as far as known. */
export function secondsUntilDone(times: ExpectedTimes): number {
  const { boot, imagePull, upload, data, work, rework, download } = times;
  const before = boot + (imagePull ?? 0) + (upload ?? 0) + (data ?? 0);
  return before + work + (rework ?? 0) + (download ?? 0);
}

function pullSeconds(job: JobSpec, offer: Offer, unknown: string[]): number | null {
  if (imageFor(job, offer.platform)?.startsWith("docker:") !== true) return 0;
  if (offer.imagePullSeconds !== undefined) return Math.ceil(offer.imagePullSeconds);
  unknown.push("the time to pull the image");
  return null;
}

function uploadSeconds(job: JobSpec, context: TimeContext, unknown: string[]): number | null {
  const sends =
    job.workdir !== undefined || job.files.some(({ source }) => source.kind === "local");
  if (!sends || context.uploadBytes === 0) return 0;
  if (context.uploadBytes === undefined) {
    unknown.push("the upload time");
    return null;
  }
  const bandwidth = context.bandwidthMbps ?? assumedUploadMbps;
  if (context.bandwidthMbps === undefined) {
    unknown.push(`the upload speed (${formatNumber(bandwidth)} Mbit/s assumed)`);
  }
  return Math.ceil((context.uploadBytes * 8) / (bandwidth * 1e6));
}

/** Bytes that come home from each node; 0 of a job that names neither outputs nor checkpoints, absent: not known. */
export function homeBytes(job: JobSpec, { outputBytes }: TimeContext): number | undefined {
  if (outputBytes !== undefined) return outputBytes;
  if (job.expectedOutputGib !== undefined) return job.expectedOutputGib * gib;
  return job.outputs.length === 0 && job.checkpoint === undefined ? 0 : undefined;
}

function downloadSeconds(job: JobSpec, context: TimeContext, unknown: string[]): number | null {
  const bytes = homeBytes(job, context);
  if (bytes === undefined) {
    unknown.push("the size of the results (expectedOutput)");
    return null;
  }
  if (bytes === 0) return 0;
  unknown.push(`the download speed (${assumedDownloadMbps} Mbit/s assumed)`);
  return Math.ceil((bytes * 8) / (assumedDownloadMbps * 1e6));
}

/** A gang is interrupted when any of its members is, so its rate is theirs together. */
function interruptedRun(
  job: JobSpec,
  offer: Offer,
  seconds: { readonly work: number; readonly restart: number; readonly setUp: number },
  unknown: string[],
): InterruptedRun | "none" | "unknown" {
  if (offer.market !== "spot") return "none";
  if (offer.interruptionsPerHour === undefined) {
    unknown.push("how often the spot machine is interrupted");
    return "unknown";
  }
  return {
    workSeconds: seconds.work,
    interruptionsPerHour: offer.interruptionsPerHour * job.resources.nodes,
    restartSeconds: seconds.restart,
    setUpSeconds: seconds.setUp,
    ...(job.checkpoint === undefined ? {} : { checkpointSeconds: job.checkpoint.everyMs / 1000 }),
  };
}

/** Ends at the time limit. */
function reworkSeconds(job: JobSpec, work: number, run: InterruptedRun | "none"): number {
  if (run === "none") return 0;
  const most = Math.max(0, Math.ceil(job.limits.timeMs / 1000) - work);
  return Math.ceil(Math.min(expectedReworkSeconds(run), most));
}
