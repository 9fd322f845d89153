import { join } from "node:path";
import type { ContentStore } from "@gpujob/host";
import type { DriverEvent, EnginePorts, RunFiles } from "@gpujob/engine";
import type { PlatformConfig } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { openStore } from "@gpujob/store";
import type { Store } from "@gpujob/store";
import type { Configuration } from "./configuration.ts";
import type { GpujobOptions } from "./gpujob.ts";
import { listAvoided } from "./avoided.ts";
import type { MachineAccess } from "./machine-access.ts";
import type { OfferCache } from "./offer-cache.ts";
import type { Planner } from "./planner.ts";
import type { Platforms } from "./platforms.ts";
import type { StockWatch } from "./stock-watch.ts";
import { createRunFiles, listCode, openContentStore } from "./run-files.ts";
import { installationOf } from "./submission.ts";
import { ensureHome, readSurroundings } from "./surroundings.ts";
import type { Surroundings } from "./surroundings.ts";

/** The parts of one home, opened as they are needed. */
export interface Workshop {
  readonly options: GpujobOptions;
  readonly around: Surroundings;
  readonly content: ContentStore;
  readonly store: () => Promise<Store>;
  readonly files: RunFiles;
  readonly access: () => Promise<MachineAccess>;
  readonly installation: (configuration: Configuration) => Promise<string>;
  /** The configuration for a job's folder, with its platforms. */
  readonly setUp: (setting?: Setting) => Promise<SetUp>;
  /** To be done before anything is closed; the answer takes it back. */
  readonly onClose: (action: () => Promise<void>) => () => void;
  readonly close: () => Promise<void>;
}

export interface Setting {
  /** @default the current folder */
  readonly folder?: string;
  /** Platforms that are in no configuration. */
  readonly extra?: readonly PlatformConfig[];
}

export interface SetUp {
  readonly configuration: Configuration;
  readonly platforms: Platforms;
  readonly planner: Planner;
  readonly cache: OfferCache;
  readonly enginePorts: (observe: (event: DriverEvent) => void) => Promise<EnginePorts>;
}

export function openWorkshop(options: GpujobOptions): Workshop {
  const around = readSurroundings(options);
  const content = openContentStore(around.home);
  const files = createRunFiles({ home: around.home, clock: around.clock, content });
  const log = (): void => undefined;
  /** By configuration: a process that drives many runs speaks to each platform through one adapter. */
  const opened = new Map<string, Platforms>();
  const closers = new Set<() => Promise<void>>();
  /** By currency. */
  const caches = new Map<string, OfferCache>();
  const watches = new Map<Platforms, StockWatch>();
  let store: Promise<Store> | undefined;
  let access: Promise<MachineAccess> | undefined;

  async function open(): Promise<Store> {
    await ensureHome(around);
    return openStore({
      path: join(around.home, "gpujob.db"),
      clock: around.clock,
      newId: around.newId,
    });
  }
  const getStore = (): Promise<Store> => (store ??= open());
  const getAccess = (): Promise<MachineAccess> => (access ??= openAccess());
  async function openAccess(): Promise<MachineAccess> {
    const { createMachineAccess } = await import("./machine-access.ts");
    return createMachineAccess({
      around,
      store: await getStore(),
      log,
      ...(options.confirmHostKey === undefined ? {} : { confirmHostKey: options.confirmHostKey }),
    });
  }

  async function setUp({ folder = around.cwd, extra = [] }: Setting = {}): Promise<SetUp> {
    const { createOfferCache, createPlanner, createPlatforms, loadConfiguration, readExperiences } =
      await import("./planning.ts");
    const configuration = await loadConfiguration({
      around,
      folder,
      memory: {
        isTrusted: async (hash) =>
          (await (await getStore()).readValue(`trust/${hash}`)) !== undefined,
        trust: async (hash) => (await getStore()).putValue(`trust/${hash}`, "yes"),
      },
      ...(options.configFile === undefined ? {} : { configFile: options.configFile }),
      ...(options.confirmTrust === undefined ? {} : { confirmTrust: options.confirmTrust }),
    });
    const { config } = configuration;
    const wanted = { ...config, platforms: [...config.platforms, ...extra] };
    const key = JSON.stringify(wanted);
    const platforms =
      opened.get(key) ??
      createPlatforms({
        config: wanted,
        around,
        connect: async (node, wait) => (await getAccess()).connect(node, wait),
        log,
      });
    opened.set(key, platforms);
    const { currency } = config;
    const cache =
      caches.get(currency) ??
      createOfferCache({ home: around.home, currency, clock: around.clock });
    caches.set(currency, cache);
    const planner = createPlanner({
      platforms,
      around,
      cache,
      avoided: async () => listAvoided(around, getStore),
      learnt: async () => readExperiences(around, getStore),
      codeOf: async (runId) => listCode(around.home, runId),
      async bills(sinceMs) {
        const { readBills } = await import("./on-demand.ts");
        return readBills(await getStore(), sinceMs, around.clock.now());
      },
    });
    return {
      configuration,
      platforms,
      planner,
      cache,
      async enginePorts(observe) {
        await platforms.all();
        const { createEnginePorts, createStockWatch } = await import("./on-demand.ts");
        const watch =
          watches.get(platforms) ??
          createStockWatch({ around, store: getStore, cache, random: Math.random });
        watches.set(platforms, watch);
        return createEnginePorts({
          watch,
          around,
          store: await getStore(),
          platforms,
          planner,
          files,
          access: await getAccess(),
          observe,
        });
      },
    };
  }

  return {
    options,
    around,
    content,
    store: getStore,
    files,
    access: getAccess,
    installation: async ({ config }) => installationOf(config, await getStore(), around),
    setUp,
    onClose(action) {
      closers.add(action);
      return () => void closers.delete(action);
    },
    async close() {
      await Promise.allSettled([...closers].map((each) => each()));
      await Promise.allSettled([...caches.values()].map((each) => each.flush()));
      await Promise.allSettled([...opened.values()].map((each) => each.close()));
      await files.close().catch(() => undefined);
      await (await access?.catch(() => undefined))?.close();
      // A store that could not be opened has told so where it was needed.
      await (await store?.catch(() => undefined))?.close();
    },
  };
}

/** Throws when there is nothing to rent from, with what to write where. */
export function requirePlatforms({ configuration }: SetUp, extra: readonly PlatformConfig[]): void {
  if (configuration.config.platforms.length + extra.length > 0) return;
  throw new GpujobError(
    "config_invalid",
    "No platform is configured, so there is nothing to run on.",
    {
      hint: "Add one under platforms: in ~/.gpujob/config.yaml, or name a machine: --host 'ssh user@machine'.",
    },
  );
}
