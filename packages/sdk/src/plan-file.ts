import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import type { JobSpec, Money, PlanCandidate } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { z } from "zod";
import type { JobInput, PlanResult } from "./gpujob.ts";

const format = "gpujob-plan";
const version = 1;

const moneySchema = z.object({ currency: z.string(), micros: z.number() });

/** What is read of a plan that was written; the rest is there for people. */
const planFileSchema = z.object({
  format: z.literal(format),
  version: z.number(),
  madeAt: z.string(),
  job: z.object({
    name: z.string(),
    file: z.string().optional(),
    overrides: z.record(z.string(), z.unknown()).optional(),
    keys: z.record(z.string(), z.string()),
  }),
  currency: z.string(),
  chosen: z.object({
    platform: z.string(),
    offerId: z.string(),
    pricePerHour: moneySchema,
    totalPrice: moneySchema,
    breakdown: z.record(z.string(), z.unknown()),
  }),
});

/** A plan that was made and written before. */
export interface WrittenPlan {
  readonly madeAt: string;
  readonly job: {
    readonly name: string;
    /** Absolute path of the job file, if the plan was made from one. */
    readonly file?: string;
    readonly overrides?: Readonly<Record<string, unknown>>;
    /** A hash of each key that the decision hangs on. */
    readonly keys: Readonly<Record<string, string>>;
  };
  readonly currency: string;
  readonly chosen: Pick<PlanCandidate, "platform" | "offerId" | "pricePerHour" | "totalPrice"> & {
    /** The parts that are known, by name. */
    readonly parts: ReadonlyMap<string, Money>;
  };
}

/** Rows kept for people who read the file. */
const rowsKept = 10;

/**
 * Writes a plan for `submit --plan`. The job itself is not in it, but hashes of its keys. Throws `usage` where there is
 * nothing to rent, or something else stands at the path.
 */
export async function writePlanFile(
  path: string,
  made: {
    readonly input: JobInput;
    readonly job: JobSpec;
    readonly result: PlanResult;
    readonly cwd: string;
    readonly now: number;
  },
): Promise<void> {
  const { input, job, result } = made;
  const chosen = result.candidates.find(({ isStale }) => isStale !== true);
  if (chosen === undefined) return;
  await refuseOther(path);
  const file = input.file === undefined ? undefined : resolve(made.cwd, input.file);
  const content = {
    format,
    version,
    madeAt: new Date(made.now).toISOString(),
    job: {
      name: job.name,
      // Beside the plan, so that both can be moved together.
      ...(file === undefined ? {} : { file: relative(dirname(path), file) }),
      ...(input.overrides === undefined ? {} : { overrides: input.overrides }),
      terms: result.job.terms,
      keys: hashKeys(job),
    },
    currency: result.currency,
    chosen,
    candidates: result.candidates.slice(0, rowsKept),
    missing: result.missing,
    exchangeRates: result.exchangeRates,
  };
  try {
    await writeFile(path, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new GpujobError("usage", `The plan could not be written to ${path}: ${why}.`);
  }
}

/** A plan may be written anew; nothing else is overwritten. */
async function refuseOther(path: string): Promise<void> {
  const before = await readFile(path, "utf8").catch(() => undefined);
  if (before === undefined || before.includes(`"format": "${format}"`)) return;
  throw new GpujobError("usage", `${path} is there already, and is no plan.`, {
    hint: "Give --out another name.",
  });
}

/** Reads a plan. Throws `usage` where it is none. */
export async function readPlanFile(path: string): Promise<WrittenPlan> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new GpujobError("usage", `The plan ${path} cannot be read: ${why}.`, {
      hint: "gpujob plan FILE --out plan.json makes one.",
    });
  });
  const read = planFileSchema.safeParse(parseJson(text));
  if (!read.success || read.data.version > version) {
    throw new GpujobError("usage", `${path} is no plan that this gpujob can read.`, {
      hint: "Make it again: gpujob plan FILE --out plan.json.",
    });
  }
  const { madeAt, job, currency, chosen } = read.data;
  const { file, overrides, ...rest } = job;
  return {
    madeAt,
    currency,
    job: {
      ...rest,
      ...(file === undefined ? {} : { file: resolve(dirname(path), file) }),
      ...(overrides === undefined ? {} : { overrides }),
    },
    chosen: { ...chosen, parts: readParts(chosen.breakdown) },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readParts(breakdown: Readonly<Record<string, unknown>>): ReadonlyMap<string, Money> {
  const parts = new Map<string, Money>();
  for (const [name, value] of Object.entries(breakdown)) {
    const amount = moneySchema.safeParse(value);
    if (amount.success) parts.set(name, amount.data);
  }
  return parts;
}

/** A job as its plan names it, where the line names none. */
export function inputOf(given: JobInput, { job }: WrittenPlan, cwd: string): JobInput {
  const { file, command = [], host, overrides } = given;
  const isNamed = file !== undefined || given.job !== undefined || host !== undefined;
  if (isNamed || command.length > 0 || job.file === undefined) return given;
  const path = relative(cwd, job.file);
  return {
    ...given,
    file: path.startsWith("..") || isAbsolute(path) ? job.file : path,
    overrides: { ...job.overrides, ...overrides },
  };
}

/** Places on this computer and values of variables are no part of the decision, and may be nobody's business. */
const leftOut: ReadonlySet<string> = new Set(["workdir", "files", "environment", "secrets"]);

/** A short hash of each key of a job that a plan hangs on. */
function hashKeys(job: JobSpec): Readonly<Record<string, string>> {
  const entries = Object.entries(job).filter(([key]) => !leftOut.has(key));
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 12),
    ]),
  );
}

/** The keys in which a job is another than the one that was planned. */
export function changedKeys(job: JobSpec, { job: planned }: WrittenPlan): readonly string[] {
  const now = hashKeys(job);
  const names = new Set([...Object.keys(now), ...Object.keys(planned.keys)]);
  return [...names].filter((name) => now[name] !== planned.keys[name]).toSorted();
}
