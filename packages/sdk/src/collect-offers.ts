import type { EnginePlatform } from "@gpujob/engine";
import { indexOffers, joinIndexes } from "@gpujob/scheduler";
import type { OfferIndex } from "@gpujob/scheduler";
import type { Clock, Failure, Offer, PlanMissing } from "@gpujob/spec";
import { formatDuration, PlatformError, toFailure } from "@gpujob/spec";
import type { Freshness } from "./gpujob.ts";
import type { KeptOffers, OfferCache } from "./offer-cache.ts";
import type { ConfiguredPlatform } from "./platforms.ts";
import type { Surroundings } from "./surroundings.ts";

/** What the platforms answered, and which did not. */
export interface CollectedOffers {
  readonly index: OfferIndex;
  readonly missing: readonly PlanMissing[];
  /** Platforms that are missing and yet have offers: those of an answer before. */
  readonly stalePlatforms: ReadonlySet<string>;
}

/** What was offered before, and whether it will do. */
export interface KeptAnswers {
  readonly cache: OfferCache;
  readonly freshness: Freshness;
}

interface Answer {
  readonly index?: OfferIndex;
  readonly missing: readonly PlanMissing[];
  readonly isStale?: boolean;
}

/**
 * Asks platforms side by side, each with its own deadline; a slow one is missing, never waited for. With `kept`, an answer
 * that is younger than the platform says it holds is not asked for again, and one that does not answer is shown as it was.
 */
export async function collectOffers(
  platforms: readonly ConfiguredPlatform[],
  {
    around,
    kept,
    signal,
  }: { readonly around: Asker; readonly kept?: KeptAnswers; readonly signal: AbortSignal },
): Promise<CollectedOffers> {
  const upMs = around.upMs();
  const answers = await Promise.all(
    platforms.map((each) => {
      const ms = patienceOf(each.timeouts.offersMs, upMs);
      const ask = { clock: around.clock, ms, signal };
      return kept === undefined ? askLive(each, ask) : answerFor(each, kept, ask);
    }),
  );
  const stale = platforms.filter((_platform, at) => answers[at]?.isStale === true);
  return {
    index: joinIndexes(answers.flatMap(({ index }) => index ?? [])),
    missing: answers.flatMap(({ missing }) => missing),
    stalePlatforms: new Set(stale.map(({ name }) => name)),
  };
}

interface Ask {
  readonly clock: Clock;
  readonly ms: number;
  readonly signal: AbortSignal;
}

async function askLive(target: ConfiguredPlatform, ask: Ask): Promise<Answer> {
  const answer = await askOne(target, ask);
  if ("missing" in answer) return { missing: [answer.missing] };
  const missing = missingParts(target, answer.offers);
  return { index: indexOffers(answer.offers), missing };
}

/** Some machines of a platform may be silent while it answers. */
function missingParts(
  target: ConfiguredPlatform,
  offers: readonly Offer[],
): readonly PlanMissing[] {
  return findSilent(offers).map((failure) => missingOf(target, failure).missing);
}

/** An answer that is young enough, else a new one, else the old one with the reason why there is no new one. */
async function answerFor(
  target: ConfiguredPlatform,
  { cache, freshness }: KeptAnswers,
  ask: Ask,
): Promise<Answer> {
  const holdsMs = target.capabilities.offersFreshMs ?? 0;
  if (holdsMs === 0) return freshness === "cached" ? notKept(target) : askLive(target, ask);
  const before = cache.read(target.config);
  const isYoung = before !== undefined && ask.clock.now() - before.askedAt <= holdsMs;
  if (before !== undefined && (freshness === "cached" || (isYoung && freshness === "usual"))) {
    return { index: before.index, missing: [] };
  }
  if (freshness === "cached") return notKept(target);
  const askedAt = ask.clock.now();
  const answer = await askOne(target, ask);
  if ("missing" in answer) return asBefore(answer.missing, before);
  const missing = missingParts(target, answer.offers);
  // What is only a part now is asked for again at once.
  if (missing.length === 0) cache.keep(target.config, answer.offers, askedAt);
  return { index: indexOffers(answer.offers), missing };
}

function asBefore(missing: PlanMissing, before: KeptOffers | undefined): Answer {
  if (before === undefined) return { missing: [missing] };
  return { index: before.index, missing: [missing], isStale: true };
}

function notKept(target: ConfiguredPlatform): Answer {
  const isAsked = (target.capabilities.offersFreshMs ?? 0) === 0;
  const message = isAsked
    ? "is asked each time, and --cached asks nobody."
    : "has no answer kept from the last 24 hours.";
  const hint = "Leave out --cached to ask.";
  return { missing: [missingOf(target, { kind: "unavailable", message, hint }).missing] };
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
  { clock, ms, signal }: Ask,
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
