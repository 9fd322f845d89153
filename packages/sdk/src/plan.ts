import { join, resolve } from "node:path";
import type { Candidate, Submission } from "@gpujob/engine";
import { placeEnvironment } from "@gpujob/engine";
import type { NoOffer } from "@gpujob/scheduler";
import type { Failure, JobSpec, PlatformConfig } from "@gpujob/spec";
import { GpujobError, listSecrets, toFailure } from "@gpujob/spec";
import { scanCode } from "./code.ts";
import type { CodeScan } from "./code.ts";
import type { Freshness, JobInput, PlanOptions, PlanResult } from "./gpujob.ts";
import { keepToPlan, usualTolerance } from "./keep-to-plan.ts";
import { inputOf, readPlanFile, writePlanFile } from "./plan-file.ts";
import { resolveFiles } from "./fetched-files.ts";
import { jobFolder, readJob } from "./job-source.ts";
import { resolveSecret } from "./secrets.ts";
import { sayMoments, settleMoments } from "./settle-moments.ts";
import { checkBudget, ratesOf } from "./submission.ts";
import { requirePlatforms } from "./workshop.ts";
import type { SetUp, Workshop } from "./workshop.ts";
import { planNotes } from "./plan-notes.ts";
import { worstCaseOf } from "./worst-case.ts";

/** A job with everything that is known before anything is rented. */
export interface PreparedJob {
  readonly job: JobSpec;
  readonly setUp: SetUp;
  readonly code: CodeScan;
  readonly result: PlanResult;
  readonly candidates: readonly Candidate[];
  readonly explanation?: NoOffer;
  readonly extra: readonly PlatformConfig[];
  /** Times as the file has them: those of `job` hang on when it was read. */
  readonly written: Pick<JobSpec, "startAt" | "deadline">;
  /** The offer of a plan that was given, which is the first candidate. */
  readonly planned?: Submission["planned"];
}

/** Reads the job, checks what it needs, looks at its files and asks the platforms. Rents nothing. */
export async function prepareJob(
  workshop: Workshop,
  given: JobInput & { readonly output?: string },
  options: PlanOptions & { readonly freshness: Freshness; readonly signal: AbortSignal },
): Promise<PreparedJob> {
  const { around } = workshop;
  const { planned, out } = options;
  if (planned === undefined) {
    const prepared = await prepare(workshop, given, options);
    if (out !== undefined) {
      const { job, result } = prepared;
      const { cwd, clock } = around;
      await writePlanFile(resolve(cwd, out), { input: given, job, result, cwd, now: clock.now() });
    }
    return prepared;
  }
  const written = await readPlanFile(resolve(around.cwd, planned.file));
  const input = inputOf(given, written, around.cwd);
  // Whether it can still be had is asked now, and why not is told of it by name.
  const asked = { ...options, freshness: "refresh", rejections: "each" } as const;
  const prepared = await prepare(workshop, input, asked);
  const { job, result } = prepared;
  const kept = keepToPlan(written, { job, plan: result }, planned.tolerance ?? usualTolerance);
  const isPlanned = ({ offer }: Candidate): boolean =>
    offer.platform === kept.planned.platform && offer.offerId === kept.planned.offerId;
  const candidates = prepared.candidates.toSorted(
    (a, b) => Number(isPlanned(b)) - Number(isPlanned(a)),
  );
  const warnings = [...result.warnings, ...kept.warnings];
  return {
    ...prepared,
    candidates,
    planned: kept.planned,
    result: {
      ...result,
      candidates: kept.candidates,
      warnings,
      worstCase: worstCaseOf(job, candidates[0]),
      ...environmentOf(job, candidates[0]),
    },
  };
}

async function prepare(
  workshop: Workshop,
  input: JobInput & { readonly output?: string },
  {
    freshness,
    rejections = "each",
    signal,
  }: PlanOptions & { readonly freshness: Freshness; readonly signal: AbortSignal },
): Promise<PreparedJob> {
  const { around } = workshop;
  const wait = { signal };
  const folder = jobFolder(input, around);
  // The platform of `--host` is known only with the flags, which are read against the configuration.
  const first = await workshop.setUp({ folder });
  const source = await readJob(input, first.configuration, around);
  const extra = source.adHoc === undefined ? [] : [source.adHoc];
  const setUp = extra.length === 0 ? first : await workshop.setUp({ folder, extra });
  requirePlatforms(setUp, extra);
  const misnamed = checkPlatformNames(source.job, setUp, extra);
  const now = around.clock.now();
  const job = settleMoments(await resolveFiles(source.job, workshop.store), now);
  await checkSecrets(workshop, job);
  const { config } = setUp.configuration;
  const rates = ratesOf(config, now);
  const [code, collected] = await Promise.all([
    scanCode(job, {
      clock: around.clock,
      home: around.home,
      never: neverSent(workshop, input),
      ...wait,
    }),
    setUp.planner.collect(job, { freshness, ...wait }),
  ]);
  const priced = await setUp.planner.rank(
    {
      job,
      exclusions: [],
      rates,
      currency: config.currency,
      uploadBytes: code.bytes,
      files: code.files.map(({ file }) => file),
    },
    collected,
    { rejections },
  );
  return {
    job,
    setUp,
    code,
    extra,
    written: source.job,
    candidates: priced.candidates,
    ...(priced.explanation === undefined ? {} : { explanation: priced.explanation }),
    result: {
      ...priced.plan,
      job: { name: job.name, terms: [...source.terms, ...sayMoments(job, now)] },
      upload: { files: code.files.length, bytes: code.bytes, ignoredLarge: code.ignoredLarge },
      warnings: [...misnamed, ...code.warnings, ...sayBudget({ job, rates }, priced.candidates[0])],
      worstCase: worstCaseOf(job, priced.candidates[0]),
      notes: planNotes(job, priced.candidates, { config, rates }),
      ...environmentOf(job, priced.candidates[0]),
      ...(priced.explanation === undefined ? {} : { noOffer: toNoOffer(priced.explanation) }),
    },
  };
}

function environmentOf(job: JobSpec, best: Candidate | undefined): Pick<PlanResult, "environment"> {
  const environment = best === undefined ? {} : placeEnvironment(job, best.offer);
  return Object.keys(environment).length === 0 ? {} : { environment };
}

/**
 * A job file may be shared by people with other platforms, so a name that is not configured is only a warning; an
 * `allow` of which none is configured can be nothing but a mistake. Throws `usage`.
 */
function checkPlatformNames(
  { platforms }: JobSpec,
  { configuration }: SetUp,
  extra: readonly PlatformConfig[],
): readonly string[] {
  const configured = [...configuration.config.platforms, ...extra].map(({ name }) => name);
  const isUnknown = (name: string): boolean => !configured.includes(name);
  const { allow, deny, prefer } = platforms;
  if (allow.length > 0 && allow.every(isUnknown)) {
    throw new GpujobError("usage", `No platform is named ${allow.join(" or ")}.`, {
      hint: `Configured: ${configured.join(", ")}. gpujob platforms shows where.`,
    });
  }
  const unknown = [...new Set([...allow, ...deny, ...prefer])].filter(isUnknown);
  return unknown.map(
    (name) => `No platform is named ${name}; configured: ${configured.join(", ")}.`,
  );
}

/** A plan only tells what `submit` would refuse. */
function sayBudget(
  terms: Parameters<typeof checkBudget>[0],
  best: Candidate | undefined,
): readonly string[] {
  if (best === undefined) return [];
  try {
    return [checkBudget(terms, best) ?? []].flat();
  } catch (error) {
    const { message, hint } = toFailure(error);
    return [[message, hint ?? ""].join(" ").trim()];
  }
}

function toNoOffer({ kind, message, hint }: NoOffer): Failure {
  return { kind, message, hint };
}

/** Outputs are never sent again, and our own state never at all. */
function neverSent(
  { around }: Workshop,
  input: JobInput & { readonly output?: string },
): readonly string[] {
  const own = input.output === undefined ? [] : [resolve(around.cwd, input.output)];
  return [
    around.home,
    join(around.cwd, "outputs"),
    join(jobFolder(input, around), "outputs"),
    ...own,
  ];
}

/** Missing secrets end here, before anything is rented. */
async function checkSecrets({ around }: Workshop, job: JobSpec): Promise<void> {
  const missing: string[] = [];
  for (const [name, reference] of Object.entries(listSecrets(job))) {
    await resolveSecret(reference, around).catch((error: unknown) => {
      const path = Object.hasOwn(job.secrets, name) ? `secrets.${name}` : name;
      missing.push(`${path}: ${toFailure(error).message}`);
    });
  }
  if (missing.length === 0) return;
  throw new GpujobError("spec_invalid", missing.join("\n"), {
    hint: "Set them, or refer to each by env, file, command or keyring. Nothing was rented.",
  });
}
