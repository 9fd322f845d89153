import type { AdapterDefinition, Config, Connect, PlatformConfig } from "@gpujob/spec";
import { GpujobError, parsePlatformSettings } from "@gpujob/spec";
import { createProxyFetch, withDeadline, withRetry } from "@gpujob/adapter-kit";
import type { EnginePlatform } from "@gpujob/engine";
import { join } from "node:path";
import { loadAdapter } from "./adapter-registry.ts";
import { resolveSecret } from "./secrets.ts";
import type { Surroundings } from "./surroundings.ts";

/** A configured platform with its adapter, made at its first use. */
export interface ConfiguredPlatform extends EnginePlatform {
  readonly definition: AdapterDefinition;
  readonly config: PlatformConfig;
}

export interface Platforms {
  /** Throws `config_invalid` when there is no such platform or its entry is wrong. */
  get(name: string): Promise<ConfiguredPlatform>;
  /** Those that were made before; for the engine, which asks by name at any time. */
  getMade(name: string): ConfiguredPlatform;
  made(): readonly ConfiguredPlatform[];
  all(): Promise<readonly ConfiguredPlatform[]>;
  close(): Promise<void>;
}

/** No single call of a platform takes longer, in milliseconds. */
const callDeadlineMs = 60_000;

export function createPlatforms(options: {
  readonly config: Config;
  readonly around: Surroundings;
  readonly connect: Connect;
  readonly log: (message: string, details?: Readonly<Record<string, unknown>>) => void;
}): Platforms {
  const { config, around } = options;
  const made = new Map<string, ConfiguredPlatform>();
  const making = new Map<string, Promise<ConfiguredPlatform>>();

  async function make(entry: PlatformConfig): Promise<ConfiguredPlatform> {
    const definition = await loadAdapter(entry.adapter, entry.origin);
    const settings = parsePlatformSettings(definition, entry);
    const raw = definition.create(settings, {
      platform: entry.name,
      fetch: createProxyFetch(around.environment),
      clock: around.clock,
      log: options.log,
      newId: around.newId,
      connect: options.connect,
      stateFolder: join(around.home, "platforms", entry.name),
      resolveSecret: (reference) => resolveSecret(reference, around),
      currency: config.currency,
    });
    const named = { platform: entry.name, clock: around.clock };
    const platform = withRetry(withDeadline(raw, { ...named, timeoutMs: callDeadlineMs }), {
      ...named,
      random: Math.random,
    });
    return {
      name: entry.name,
      platform,
      capabilities: definition.capabilities,
      timeouts: { ...config.timeouts, ...entry.timeouts },
      definition,
      config: entry,
    };
  }

  async function get(name: string): Promise<ConfiguredPlatform> {
    const known = made.get(name);
    if (known !== undefined) return known;
    const entry = config.platforms.find((each) => each.name === name);
    if (entry === undefined) throw unknownPlatform(name, config);
    // Two that ask at once get the same one.
    const begun = making.get(name) ?? make(entry);
    making.set(name, begun);
    try {
      made.set(name, await begun);
      return await begun;
    } finally {
      making.delete(name);
    }
  }

  return {
    get,
    getMade(name) {
      const platform = made.get(name);
      if (platform === undefined) throw unknownPlatform(name, config);
      return platform;
    },
    made: () => [...made.values()],
    all: () => Promise.all(config.platforms.map((entry) => get(entry.name))),
    async close() {
      await Promise.allSettled([...made.values()].map(async ({ platform }) => platform.close?.()));
    },
  };
}

function unknownPlatform(name: string, config: Config): GpujobError {
  const names = config.platforms.map((each) => each.name);
  return new GpujobError("config_invalid", `There is no platform ${name} in the configuration.`, {
    hint:
      names.length === 0
        ? "Add one under platforms: in ~/.gpujob/config.yaml."
        : `Configured are ${names.join(", ")}.`,
  });
}
