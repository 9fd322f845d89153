import { createHash } from "node:crypto";
import { joinIndexes } from "@gpujob/scheduler";
import type { Clock, Failure, PlanMissing } from "@gpujob/spec";
import type { Store } from "@gpujob/store";
import { readStored } from "@gpujob/engine";
import { collectOffers } from "./collect-offers.ts";
import type { CollectedOffers } from "./collect-offers.ts";
import type { OfferCache } from "./offer-cache.ts";
import type { ConfiguredPlatform } from "./platforms.ts";

/** What a run that waits for stock knows now, and when to look again. */
export interface WatchedOffers extends CollectedOffers {
  /** Until the next platform may be asked, in milliseconds. */
  readonly againAfterMs: number;
}

/** Asks platforms again and again for runs that wait, each at its own pace. */
export interface StockWatch {
  collect(
    platforms: readonly ConfiguredPlatform[],
    wait: { readonly signal: AbortSignal },
  ): Promise<WatchedOffers>;
}

/** Between two questions to a rented platform, where `timeouts.stock` says nothing. */
const usualPaceMs = 20_000;
/** The same for machines of one's own, which nobody else is asked for. */
const ownPaceMs = 5000;
/** Each wait is longer or shorter by up to this share, so that many programs do not ask in step. */
const jitter = 0.15;
/** After a failure, doubled with each further one. */
const firstRetryMs = 2000;
const longestRetryMs = 10 * 60_000;
/** The same for one that does not answer, and asks for no patience. */
const longestSilenceMs = 60_000;
/** A platform whose turn comes so soon is asked with the others, so that one look serves all. */
const togetherMs = 2000;
const leastWaitMs = 1000;
/** Longer than the answer may take, so that no other process asks the same meanwhile. */
const claimMs = 10_000;

/** What all processes of a home know of one platform that runs wait for. Epoch milliseconds. */
interface Asked {
  readonly dueAt: number;
  /** Failed questions in a row. */
  readonly failures: number;
  /** When the last question was put that had an answer; absent: none had. */
  readonly answeredAt?: number;
  readonly missing: readonly PlanMissing[];
  /** Somebody is asking at this moment, until then at most. */
  readonly claimedUntil?: number;
}

/**
 * One question per platform and pace for all runs that wait, in whatever process: when it was asked last stands in the
 * store, and the answer in the cache of offers. Where two ask in the same instant both are answered, and that is all.
 */
export function createStockWatch(options: {
  readonly around: { readonly clock: Clock; readonly upMs: () => number };
  readonly store: () => Promise<Store>;
  readonly cache: OfferCache;
  /** From 0 up to 1. */
  readonly random: () => number;
}): StockWatch {
  const { around, cache, random } = options;
  const { clock } = around;
  const asking = new Map<string, Promise<Looked>>();
  let flushed = Promise.resolve();

  interface Looked {
    readonly collected: CollectedOffers;
    readonly dueAt: number;
  }

  async function look(target: ConfiguredPlatform, signal: AbortSignal): Promise<Looked> {
    const store = await options.store();
    const name = nameOf(target);
    const now = clock.now();
    const before = await readAsked(store, name, now);
    const isClaimed = (before?.claimedUntil ?? 0) > now;
    if (before !== undefined && (isClaimed || now + togetherMs < before.dueAt)) {
      const dueAt = isClaimed ? now + leastWaitMs : before.dueAt;
      return { collected: await answerBefore(target, before, signal), dueAt };
    }
    const idle: Asked = before ?? { dueAt: now, failures: 0, missing: [] };
    await put(store, name, { ...idle, claimedUntil: now + target.timeouts.offersMs + claimMs });
    const collected = await ask(target, signal);
    const failure = collected.missing[0]?.failure;
    // Where some machines of a platform are silent the others may still have room.
    const hasFailed = collected.missing.length > 0 && collected.index.size === 0;
    const failures = hasFailed ? idle.failures + 1 : 0;
    const waitMs = failures === 0 ? paceOf(target) : retryMs(target, failures, failure);
    const dueAt = clock.now() + Math.round(waitMs * (1 + jitter * (2 * random() - 1)));
    // One after the other: what another look keeps at this moment is on its way to the same folder.
    flushed = flushed.then(() => cache.flush());
    await flushed;
    const answered = failures === 0 ? { answeredAt: now } : {};
    await put(store, name, { dueAt, failures, missing: collected.missing, ...answered });
    return { collected, dueAt };
  }

  /** The answer to the last question, whoever asked it. */
  async function answerBefore(
    target: ConfiguredPlatform,
    asked: Asked,
    signal: AbortSignal,
  ): Promise<CollectedOffers> {
    const kept = cache.read(target.config);
    if (kept === undefined || kept.askedAt < (asked.answeredAt ?? Number.POSITIVE_INFINITY))
      return { ...nothing, missing: asked.missing };
    const { index, stalePlatforms } = await collectOffers([keeping(target)], {
      around,
      kept: { cache, freshness: "cached" },
      signal,
    });
    return { index, stalePlatforms, missing: asked.missing };
  }

  function ask(target: ConfiguredPlatform, signal: AbortSignal): Promise<CollectedOffers> {
    const kept = { cache, freshness: "refresh" as const };
    return collectOffers([keeping(target)], { around, kept, signal });
  }

  /** Two runs of this process that look at once share one look, which therefore ends with none of them. */
  function lookOnce(target: ConfiguredPlatform): Promise<Looked> {
    const begun = asking.get(target.name);
    if (begun !== undefined) return begun;
    const { signal } = new AbortController();
    const looked = look(target, signal).finally(() => asking.delete(target.name));
    asking.set(target.name, looked);
    return looked;
  }

  return {
    async collect(platforms, { signal }) {
      const looking = Promise.all(platforms.map((each) => lookOnce(each)));
      const looks = await untilAborted(looking, signal);
      const collected = looks.map((each) => each.collected);
      const next = Math.min(...looks.map(({ dueAt }) => dueAt));
      return {
        index: joinIndexes(collected.map(({ index }) => index)),
        missing: collected.flatMap(({ missing }) => missing),
        stalePlatforms: new Set(collected.flatMap(({ stalePlatforms }) => [...stalePlatforms])),
        againAfterMs: Math.max(leastWaitMs, Math.min(longestRetryMs, next - clock.now())),
      };
    },
  };
}

/** Ends this wait at once with the signal; what is waited for goes on. */
async function untilAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    work.catch(() => undefined);
  }
}

const nothing: CollectedOffers = {
  index: joinIndexes([]),
  missing: [],
  stalePlatforms: new Set(),
};

/** The cache keeps answers of all platforms here, also of those that are asked each time otherwise. */
function keeping(target: ConfiguredPlatform): ConfiguredPlatform {
  return { ...target, capabilities: { ...target.capabilities, offersFreshMs: 1 } };
}

function paceOf({ timeouts, capabilities }: ConfiguredPlatform): number {
  return timeouts.stockMs ?? (capabilities.release === "api" ? usualPaceMs : ownPaceMs);
}

/** One that was asked too often is asked less and less often; one that was silent is tried again soon. */
function retryMs(
  target: ConfiguredPlatform,
  failures: number,
  failure: Failure | undefined,
): number {
  const grown = firstRetryMs * 2 ** Math.min(failures - 1, 12);
  if (failure?.kind !== "rate_limited") return Math.min(grown, longestSilenceMs);
  const least = Math.max(failure.retryAfterMs ?? 0, paceOf(target));
  return Math.min(longestRetryMs, Math.max(least, grown));
}

/** Settings are part of it: under the same name another configuration may mean another platform. */
function nameOf({ name, config }: ConfiguredPlatform): string {
  const text = JSON.stringify([config.adapter, config.settings]);
  return `stock/${name}/${createHash("sha256").update(text).digest("hex").slice(0, 12)}`;
}

/** What stands in the store; of a time that has not come yet, after a clock was set, it is not believed. */
async function readAsked(store: Store, name: string, now: number): Promise<Asked | undefined> {
  const text = await store.readValue(name).catch(() => undefined);
  if (text === undefined) return undefined;
  const asked = readStored<Asked>(text);
  return asked.dueAt - now > longestRetryMs * (1 + jitter) ? undefined : asked;
}

/** Only a memory: a store that is closed for the moment must not hold up the run. */
async function put(store: Store, name: string, asked: Asked): Promise<void> {
  await store.putValue(name, JSON.stringify(asked)).catch(() => undefined);
}
