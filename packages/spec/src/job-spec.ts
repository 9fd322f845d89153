import { basename } from "node:path";
import type { CheckpointRule, FileSource, JobSpec, Resources, RetryRule } from "./job.ts";
import type { JobValues } from "./job-schema.ts";
import { checkModel, toModelUse } from "./model-schema.ts";
import type { Problem } from "./position.ts";
import { formatPath } from "./problems.ts";
import { checkPath, toSafeName } from "./safe-path.ts";

/** What a job that says nothing else gets; `plan` says these aloud. Times in milliseconds. */
export const jobDefaults = {
  nodes: 1,
  market: "on-demand",
  expectedTimeMs: 3_600_000,
  timeMs: 24 * 3_600_000,
  holdMs: 8 * 3_600_000,
  interruptions: 5,
  failures: 0,
  profile: "cheapest",
  checkpoint: {
    everyMs: 300_000,
    signal: "SIGTERM",
    graceMs: 60_000,
    store: "local",
    keep: 2,
  },
} as const;

interface Context {
  readonly environment: Readonly<Record<string, string>>;
  readonly whereOf: (path: readonly PropertyKey[]) => string;
  readonly path: string;
}

/** Fills in the defaults and checks what only shows when all layers are together. */
export function toJobSpec(
  values: JobValues,
  context: Context,
): { readonly job: JobSpec; readonly problems: readonly Problem[] } {
  const { limits = {}, retry = {}, platforms = {}, queue, keep, idle } = values;
  const job: JobSpec = {
    name: values.name ?? defaultName(context.path),
    resources: toResources(values.resources ?? {}),
    ...optional("model", values.model === undefined ? undefined : toModelUse(values.model)),
    market: values.market ?? jobDefaults.market,
    regions: values.region ?? [],
    ...optional("residency", values.residency),
    platforms: {
      allow: platforms.allow ?? [],
      deny: platforms.deny ?? [],
      prefer: platforms.prefer ?? [],
    },
    ...optional("image", values.image),
    ...optional("registry", values.registry),
    ...optional("workdir", values.workdir),
    files: toFiles(values.files ?? {}),
    ...optional("data", toData(values.data)),
    environment: context.environment,
    secrets: values.secrets ?? {},
    ...(values.mirrors === "none" ? { mirrors: values.mirrors } : {}),
    ...optional("setup", values.setup),
    ...optional("run", values.run),
    outputs: [...new Set(values.outputs)],
    ...optional("checkpoint", toCheckpoint(values.checkpoint)),
    expectedTimeMs: values.expectedTime ?? jobDefaults.expectedTimeMs,
    ...optional("expectedOutputGib", values.expectedOutput),
    ...optional("startAt", values.startAt),
    ...optional("deadline", values.deadline),
    limits: {
      ...optional("budget", limits.budget),
      ...optional("pricePerHour", limits.price),
      timeMs: limits.time ?? jobDefaults.timeMs,
      holdMs: limits.hold ?? jobDefaults.holdMs,
    },
    retry: {
      interruptions: retry.interruptions ?? jobDefaults.interruptions,
      failures: retry.failures ?? jobDefaults.failures,
      rules: (retry.rules ?? []).map(toRule),
    },
    ...optional("queueMs", queue === 0 ? undefined : queue),
    ...(values.hedge === 2 ? { hedge: values.hedge } : {}),
    ...(values.probe === "quick" ? { probe: values.probe } : {}),
    ...optional("keepMs", keep === 0 ? undefined : keep),
    ...optional("idleMs", idle === 0 ? undefined : idle),
    ports: values.ports ?? [],
    labels: toLabels(values.labels ?? {}),
    profile: values.profile ?? jobDefaults.profile,
  };
  return { job, problems: crossCheck(values, job, context) };
}

function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [K in Key]?: Value };
function optional(key: string, value: unknown): object {
  return value === undefined ? {} : { [key]: value };
}

function defaultName(path: string): string {
  const name = toSafeName(basename(path).replace(/\.(?:gpujob\.)?ya?ml$/i, ""));
  return name === "" ? "job" : name;
}

function toResources(values: NonNullable<JobValues["resources"]>): Resources {
  return {
    gpus: values.gpu?.gpus ?? [],
    isOrderedPreference: values.gpu?.isOrderedPreference ?? false,
    nodes: values.nodes ?? jobDefaults.nodes,
    interconnect: values.interconnect ?? "any",
    fabric: values.fabric ?? { kind: "any" },
    ...optional("cpuCount", values.cpu),
    ...optional("memoryGib", values.memory),
    ...optional("diskGib", values.disk),
  };
}

function toFiles(files: NonNullable<JobValues["files"]>): readonly FileSource[] {
  return Object.entries(files).map(([target, source]) => ({
    target: checkPath(target, "target"),
    source,
  }));
}

type WrittenRule = NonNullable<NonNullable<JobValues["retry"]>["rules"]>[number];

/** A larger card can only be meant for another try. */
function toRule({ action, ...rest }: WrittenRule): RetryRule {
  return { ...rest, action: action ?? "retry" };
}

function toData(data: JobValues["data"]): JobSpec["data"] {
  if (data === undefined) return undefined;
  return Object.entries(data).map(([name, { size, at }]) => ({
    name,
    ...optional("sizeGib", size),
    at: at ?? {},
  }));
}

function toCheckpoint(values: JobValues["checkpoint"]): CheckpointRule | undefined {
  if (values?.path === undefined) return undefined;
  const { checkpoint } = jobDefaults;
  return {
    path: values.path,
    everyMs: values.every ?? checkpoint.everyMs,
    signal: values.signal ?? checkpoint.signal,
    graceMs: values.grace ?? checkpoint.graceMs,
    store: values.store ?? checkpoint.store,
    keep: values.keep ?? checkpoint.keep,
  };
}

function toLabels(labels: NonNullable<JobValues["labels"]>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)]));
}

function problemOfRule(
  { action, gpu }: WrittenRule,
  { resources, model }: JobSpec,
): { readonly key: string; readonly message: string } | undefined {
  if (gpu === undefined)
    return action === undefined
      ? { key: "action", message: "Is missing. Write `action: retry` or `action: fail`." }
      : undefined;
  if (action === "fail")
    return { key: "gpu", message: "A rule that fails chooses no card. Remove `gpu` or `action`." };
  if (resources.gpus.length === 0 && model === undefined)
    return { key: "gpu", message: "No card is asked for. Name one under `resources.gpu`." };
  return undefined;
}

function crossCheck(values: JobValues, job: JobSpec, { whereOf }: Context): readonly Problem[] {
  const problems: Problem[] = [];
  const add = (path: readonly PropertyKey[], message: string): void => {
    problems.push({ where: whereOf(path), message: `${formatPath(path)}: ${message}` });
  };
  if (values.checkpoint !== undefined && values.checkpoint.path === undefined) {
    add(["checkpoint"], "The folder is missing. Add `path:`, the folder that the job saves into.");
  }
  if (values.checkpoint?.every !== undefined && values.checkpoint.every < 1000) {
    add(["checkpoint", "every"], "Must be at least 1s.");
  }
  for (const [index, rule] of (values.retry?.rules ?? []).entries()) {
    const problem = problemOfRule(rule, job);
    if (problem !== undefined) add(["retry", "rules", index, problem.key], problem.message);
  }
  for (const key of ["expectedTime", "limits.time"] as const) {
    const ms = key === "expectedTime" ? values.expectedTime : values.limits?.time;
    if (ms === 0) add(key.split("."), "Must be longer than 0s.");
  }
  for (const name of Object.keys(job.secrets)) {
    if (!Object.hasOwn(job.environment, name)) continue;
    add(["secrets", name], `${name} stands under env too. Keep it in one place.`);
  }
  for (const name of job.platforms.allow) {
    if (!job.platforms.deny.includes(name)) continue;
    add(["platforms", "deny"], `${name} is allowed and denied. Keep one of the two.`);
  }
  const images = typeof job.image === "object" ? Object.values(job.image) : [job.image];
  if (job.registry !== undefined && !images.some((image) => image?.startsWith("docker:"))) {
    add(["registry"], "It is the log-in for a docker: image, and `image` names none. Remove it.");
  }
  for (const { path, message } of values.model === undefined ? [] : checkModel(values.model)) {
    add(["model", ...path], message);
  }
  const seen = new Set<string>();
  for (const target of Object.keys(values.files ?? {})) {
    const place = checkPath(target, "target");
    if (seen.has(place)) add(["files", target], "Two sources go to this place. Rename one target.");
    seen.add(place);
  }
  return problems;
}
