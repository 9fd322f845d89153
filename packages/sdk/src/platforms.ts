import type {
  AdapterDefinition,
  Clock,
  Config,
  Connect,
  Failure,
  Offer,
  PlanMissing,
  PlatformConfig,
} from "@gpujob/spec";
import {
  formatDuration,
  GpujobError,
  parsePlatformSettings,
  PlatformError,
  toFailure,
} from "@gpujob/spec";
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

/** What the platforms answered, and which did not. */
export interface CollectedOffers {
  readonly offers: readonly Offer[];
  readonly missing: readonly PlanMissing[];
}

/** Asks platforms side by side, each with its own deadline; a slow one is missing, never waited for. */
export async function collectOffers(
  platforms: readonly ConfiguredPlatform[],
  { around, signal }: { readonly around: Asker; readonly signal: AbortSignal },
): Promise<CollectedOffers> {
  const upMs = around.upMs();
  const answers = await Promise.all(
    platforms.map((each) => {
      const ms = patienceOf(each.timeouts.offersMs, upMs);
      return askOne(each, { clock: around.clock, ms, signal });
    }),
  );
  return {
    offers: answers.flatMap((answer) => ("offers" in answer ? answer.offers : [])),
    missing: answers.flatMap((answer, index) => {
      if ("missing" in answer) return [answer.missing];
      const target = platforms[index];
      return target === undefined
        ? []
        : findSilent(answer.offers).map((failure) => missingOf(target, failure).missing);
    }),
  };
}

/** Why machines of a platform that answered are missing: each once, though it stands behind several offers. */
export function findSilent(offers: readonly Offer[]): readonly Failure[] {
  const failures = offers.flatMap(({ outOfReach }) => outOfReach ?? []);
  return [...new Map(failures.map((failure) => [failure.message, failure])).values()];
}

type Asker = Pick<Surroundings, "clock" | "upMs">;

/** The timeout is what a person waits for a plan: the rest of it is for ranking and showing. */
const waitShare = 0.85;

/** A process that has been up for longer than this share of the timeout was started for more than one question. */
const freshShare = 0.4;

/** How long a platform is waited for, in milliseconds: who has just started the program has waited since then. */
export function patienceOf(offersMs: number, upMs: number): number {
  const isFresh = upMs < offersMs * freshShare;
  return Math.round(offersMs * waitShare - (isFresh ? upMs : 0));
}

async function askOne(
  target: ConfiguredPlatform,
  {
    clock,
    ms,
    signal,
  }: { readonly clock: Clock; readonly ms: number; readonly signal: AbortSignal },
): Promise<{ readonly offers: readonly Offer[] } | { readonly missing: PlanMissing }> {
  const late = new AbortController();
  const done = new AbortController();
  const timeout = clock.sleep(ms, { signal: done.signal }).then(() => {
    const error = new PlatformError(
      "unavailable",
      `${target.name} did not answer within ${formatDuration(ms)}.`,
      { scope: "platform" },
    );
    late.abort(error);
    throw error;
  });
  try {
    const asked = target.platform.listOffers(
      { withinMs: ms },
      { signal: AbortSignal.any([signal, late.signal]) },
    );
    // An adapter that ignores its signal must not hold up the others.
    return { offers: await Promise.race([asked, timeout]) };
  } catch (error) {
    signal.throwIfAborted();
    const failure: Failure = toFailure(late.signal.aborted ? late.signal.reason : error);
    return missingOf(target, failure);
  } finally {
    done.abort();
    timeout.catch(() => undefined);
  }
}

/** A machine that is named on the line is in no configuration, where `gpujob doctor` could look at it. */
const byHandHint = "Log in by hand with what --host says: what works there, works here.";

function missingOf(
  target: ConfiguredPlatform,
  failure: Failure,
): { readonly missing: PlanMissing } {
  const isNamedOnLine = target.config.origin === "--host";
  const told = isNamedOnLine ? { hint: byHandHint, ...failure } : failure;
  return {
    missing: { platform: target.name, reason: withoutName(failure, target), failure: told },
  };
}

/** Told beside the platform's name, a reason need not begin with it. */
export function withoutName({ message }: Failure, { name }: Pick<EnginePlatform, "name">): string {
  const rest = message.startsWith(name) ? message.slice(name.length) : undefined;
  return rest === undefined ? message : (/^:? (.+)$/s.exec(rest)?.[1] ?? message);
}
