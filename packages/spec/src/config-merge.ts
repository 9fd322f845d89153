import { mergePlatforms } from "./config-platforms.ts";
import type { Config, Timeouts } from "./config.ts";
import type { ConfigLayer } from "./config-file.ts";
import type { JobLayer } from "./job-file.ts";
import { type PathBase, withLocalSecrets } from "./job-merge.ts";
import { resolveLocal } from "./local-path.ts";
import { isMap, mapEntries } from "./plain-data.ts";
import { formatPath, valueAt } from "./problems.ts";
import { readFileSource } from "./safe-path.ts";

/** What holds where no file, variable or flag says anything. Milliseconds. */
export const configDefaults = {
  currency: "CNY",
  tether: "auto",
  timeouts: { bootMs: 600_000, offersMs: 3000, releaseMs: 120_000, unreachableMs: 300_000 },
} as const satisfies Pick<Config, "currency" | "tether" | "timeouts">;

/** The effective configuration, and where each part of it comes from. */
export interface MergedConfig {
  readonly config: Config;
  /** By key, such as `timeouts.boot` or `platforms.lab.hosts`: the place in its file, or `default`. */
  readonly origins: Readonly<Record<string, string>>;
  /** The configured defaults for jobs, as `parseJobFile` takes them. */
  readonly defaults: JobLayer;
}

/**
 * Merges layers by key, the strongest first. Keys inside `exchange`, `platforms`, their settings, `timeouts`, `defaults`
 * and one level inside those count each for itself; deeper values, lists and references to secrets are taken whole.
 * A platform entry with another `adapter` hides weaker entries of the same name.
 * @throws `config_invalid` for a platform without `adapter`.
 */
export function mergeConfig(layers: readonly ConfigLayer[]): MergedConfig {
  const origins = new Map<string, string>();
  const pick = <Key extends "currency" | "installation" | "tether">(
    key: Key,
  ): ConfigLayer["values"][Key] | undefined => {
    const owner = layers.find((layer) => layer.values[key] !== undefined);
    if (owner !== undefined) origins.set(key, owner.written.where([key]));
    return owner?.values[key];
  };
  const installation = pick("installation");
  const config: Config = {
    currency: pick("currency") ?? configDefaults.currency,
    exchange: mergeExchange(layers, origins),
    ...(installation === undefined ? {} : { installation }),
    platforms: mergePlatforms(layers, origins),
    defaults: mergeDefaults(layers, origins),
    timeouts: mergeTimeouts(layers, origins),
    tether: pick("tether") ?? configDefaults.tether,
  };
  const fixed = Object.keys(configDefaults.timeouts).map((key) => `timeouts.${key.slice(0, -2)}`);
  for (const key of ["currency", "tether", ...fixed]) {
    if (!origins.has(key)) origins.set(key, "default");
  }
  return {
    config,
    origins: Object.fromEntries(origins),
    defaults: { values: config.defaults, where: originOf(origins), folder: "/" },
  };
}

function originOf(origins: ReadonlyMap<string, string>): JobLayer["where"] {
  return (path) => {
    for (let length = path.length; length > 0; length -= 1) {
      const origin = origins.get(formatPath(["defaults", ...path.slice(0, length)]));
      if (origin !== undefined) return origin;
    }
    return "defaults";
  };
}

type Origins = Map<string, string>;

function mergeExchange(layers: readonly ConfigLayer[], origins: Origins): Config["exchange"] {
  const exchange: Record<string, number> = {};
  for (const layer of layers.toReversed()) {
    for (const [currency, rate] of Object.entries(layer.values.exchange ?? {})) {
      exchange[currency] = rate;
      origins.set(`exchange.${currency}`, layer.written.where(["exchange", currency]));
    }
  }
  return exchange;
}

function mergeTimeouts(layers: readonly ConfigLayer[], origins: Origins): Timeouts {
  let timeouts: Timeouts = configDefaults.timeouts;
  for (const layer of layers.toReversed()) {
    timeouts = { ...timeouts, ...layer.values.timeouts };
    for (const key of Object.keys(layer.values.timeouts ?? {})) {
      const written = key.replace(/Ms$/, "");
      origins.set(`timeouts.${written}`, layer.written.where(["timeouts", written]));
    }
  }
  return timeouts;
}

function mergeDefaults(layers: readonly ConfigLayer[], origins: Origins): Config["defaults"] {
  const defaults: Record<string, unknown> = {};
  for (const layer of layers.toReversed()) {
    for (const [key, value] of mapEntries(valueAt(layer.written.value, ["defaults"]))) {
      const below = defaults[key];
      const local = localDefault(key, value, layer);
      const canMerge = isMap(below) && isMap(local) && key !== "image" && key !== "registry";
      defaults[key] = canMerge ? { ...below, ...local } : local;
      origins.set(formatPath(["defaults", key]), layer.written.where(["defaults", key]));
      for (const [inner] of mapEntries(value)) {
        const path = ["defaults", key, inner];
        origins.set(formatPath(path), layer.written.where(path));
      }
    }
  }
  return defaults;
}

/** A default whose relative paths start at its own file, whatever is merged over it. */
function localDefault(key: string, value: unknown, base: PathBase): unknown {
  if (key === "workdir" && typeof value === "string") return resolveLocal(value, base);
  if (key === "secrets" || key === "registry") return withLocalSecrets(value, base);
  if (key !== "files") return value;
  const files = mapEntries(value).map(([target, source]): [string, unknown] => {
    const isLocal = typeof source === "string" && readFileSource(source).kind === "local";
    return [target, isLocal ? resolveLocal(source, base) : source];
  });
  return Object.fromEntries(files);
}
