import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { resolveGpuName, statedVramGib } from "@gpujob/catalog";
import type { Config, ConfigLayer, JobLayer } from "@gpujob/spec";
import { createConfigLayer, GpujobError, mergeConfig, parseConfigFile } from "@gpujob/spec";
import type { ConfigEntry, GpujobOptions } from "./gpujob.ts";
import type { Surroundings } from "./surroundings.ts";

/** The effective configuration and where each part of it comes from. */
export interface Configuration {
  readonly config: Config;
  /** Job-file keys of `defaults:`. */
  readonly defaults: JobLayer;
  readonly entries: () => readonly ConfigEntry[];
}

const projectFile = "gpujob.config.yaml";
const systemFile = "/etc/gpujob/config.yaml";

/** Remembers which contents of project files the user has trusted. */
export interface TrustMemory {
  readonly isTrusted: (hash: string) => Promise<boolean>;
  readonly trust: (hash: string) => Promise<void>;
}

/**
 * Reads every layer that counts here: `-c` (or the project's file, found upward from `folder`), the user's, the system's.
 * A project's file that carries commands, endpoints or credentials is asked about once per content. Throws
 * `config_invalid`.
 */
export async function loadConfiguration(options: {
  readonly around: Surroundings;
  /** Folder of the job file, else the current one. */
  readonly folder: string;
  readonly configFile?: string;
  readonly confirmTrust?: GpujobOptions["confirmTrust"];
  readonly memory: TrustMemory;
}): Promise<Configuration> {
  const { around } = options;
  const named =
    options.configFile === undefined ? undefined : resolve(around.cwd, options.configFile);
  const layers = [
    environmentLayer(around),
    named === undefined ? await readProject(options) : await readLayer(named, around, "required"),
    await readTrusted(join(around.home, "config.yaml"), around),
    await readTrusted(systemFile, around),
  ].filter((layer) => layer !== undefined);
  const { config, defaults, origins } = mergeConfig(layers);
  return { config, defaults, entries: () => listEntries(config, origins) };
}

function environmentLayer(around: Surroundings): ConfigLayer | undefined {
  const installation = around.environment["GPUJOB_INSTALLATION"];
  if (installation === undefined || installation === "") return undefined;
  return createConfigLayer({
    values: { installation },
    where: () => "GPUJOB_INSTALLATION",
    origin: "GPUJOB_INSTALLATION",
    folder: around.cwd,
    resolveName: resolveGpuName,
    statedVramGib,
  });
}

/** A file that counts without a question: whoever can write it can have us run commands. */
async function readTrusted(path: string, around: Surroundings): Promise<ConfigLayer | undefined> {
  const found = await stat(path).catch(() => undefined);
  const userId = process.getuid?.();
  const isOurs = userId === undefined || found?.uid === userId || found?.uid === 0;
  if (found !== undefined && ((found.mode & 0o002) !== 0 || !isOurs)) {
    const why = isOurs ? "can be written by everybody" : `belongs to user ${found.uid}`;
    throw new GpujobError("config_invalid", `The configuration ${path} ${why}.`, {
      hint: isOurs
        ? `Read it, then close it: chmod go-w ${path}`
        : `Read it, then make it yours: sudo chown ${userId} ${path}`,
    });
  }
  return readLayer(path, around, "optional");
}

async function readLayer(
  path: string,
  around: Surroundings,
  need: "required" | "optional",
): Promise<ConfigLayer | undefined> {
  let text: Buffer;
  try {
    text = await readFile(path);
  } catch (cause) {
    const isMissing =
      cause instanceof Error &&
      "code" in cause &&
      (cause.code === "ENOENT" || cause.code === "ENOTDIR");
    if (isMissing && need === "optional") return undefined;
    throw new GpujobError("config_invalid", `The configuration ${path} cannot be read.`, {
      hint: isMissing
        ? "Check the path given with --config."
        : `Look at its permissions: ls -l ${path}`,
      cause,
    });
  }
  return parseConfigFile({
    text,
    path,
    label: labelOf(path, around),
    home: around.userHome,
    resolveName: resolveGpuName,
    statedVramGib,
  });
}

/** Short where that is clear. */
function labelOf(path: string, { cwd }: Surroundings): string {
  const local = relative(cwd, path);
  return local.startsWith("..") ? path : local;
}

async function readProject(
  options: Parameters<typeof loadConfiguration>[0],
): Promise<ConfigLayer | undefined> {
  for (let folder = options.folder; ; folder = dirname(folder)) {
    const path = join(folder, projectFile);
    const layer = await readLayer(path, options.around, "optional");
    if (layer !== undefined) {
      if (layer.concerns.length > 0) await askForTrust(path, layer, options);
      return layer;
    }
    if (dirname(folder) === folder) return undefined;
  }
}

/** What a folder that somebody else wrote may not do unasked: run commands, send requests, name credentials. */
async function askForTrust(
  path: string,
  layer: ConfigLayer,
  options: Parameters<typeof loadConfiguration>[0],
): Promise<void> {
  const hash = createHash("sha256")
    .update(path)
    .update("\0")
    .update(await readFile(path))
    .digest("hex");
  if (await options.memory.isTrusted(hash)) return;
  const reasons = layer.concerns.map(
    ({ where, path: key, kind }) =>
      `names ${kind === "endpoint" ? "an" : "a"} ${kind} (${where}, ${key})`,
  );
  if ((await options.confirmTrust?.({ file: path, reasons })) === true)
    return options.memory.trust(hash);
  throw new GpujobError(
    "config_invalid",
    `The project's configuration ${path} is not trusted yet: it ${reasons.join(", ")}.`,
    {
      hint: `Read it, then name it yourself: --config ${path}`,
    },
  );
}

function listEntries(
  config: Config,
  origins: Readonly<Record<string, string>>,
): readonly ConfigEntry[] {
  return Object.entries(origins)
    .map(([key, origin]) => ({ key, value: valueOf(config, key), origin }))
    .filter((entry) => entry.value !== undefined)
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/** The value behind a key of the file, from the merged configuration. */
function valueOf(config: Config, key: string): unknown {
  const [first = "", ...rest] = key.split(".");
  if (first === "timeouts")
    return Object.entries(config.timeouts).find(([name]) => name === `${rest[0]}Ms`)?.[1];
  if (first === "platforms") {
    const platform = config.platforms.find((each) => each.name === rest[0]);
    if (rest[1] === "adapter") return platform?.adapter;
    if (rest[1] === "account") return platform?.account;
    return rest[1] === undefined ? undefined : platform?.settings[rest[1]];
  }
  if (first === "exchange") return config.exchange[rest[0] ?? ""];
  if (first === "defaults") return rest.length === 1 ? config.defaults[rest[0] ?? ""] : undefined;
  return first === "currency"
    ? config.currency
    : first === "tether"
      ? config.tether
      : config.installation;
}
