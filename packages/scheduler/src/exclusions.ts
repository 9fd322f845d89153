import type { Failure, FailureScope, Offer } from "@gpujob/spec";

/** A part of the world that is avoided for a while, after something failed there. Plain JSON. */
export interface Exclusion {
  readonly scope: FailureScope;
  /** Name of the configured platform, which is also the account. */
  readonly platform: string;
  readonly region?: string;
  readonly zone?: string;
  readonly offerId?: string;
  /** Epoch milliseconds at which it ends. */
  readonly untilMs: number;
  /** Why, as the user reads it. */
  readonly reason: string;
  /** The host itself is bad: later runs avoid it too, until this is over or the user says otherwise. */
  readonly isShared?: true;
}

type Place = Pick<Offer, "platform" | "region" | "zone" | "offerId">;

/**
 * What to avoid after a failure with an offer: as wide as the failure says. A `call` is no place, so nothing is
 * avoided for it. A `host` cannot be told from its offer before renting, so it counts as one.
 */
export function makeExclusion(
  failure: Pick<Failure, "message" | "scope">,
  offer: Place,
  untilMs: number,
): Exclusion | undefined {
  const scope = failure.scope ?? "offer";
  if (scope === "call") return undefined;
  const place: Partial<Pick<Exclusion, PlaceKey>> = Object.fromEntries(
    placeKeys[scope].flatMap((key) => (offer[key] === undefined ? [] : [[key, offer[key]]])),
  );
  return { scope, platform: offer.platform, ...place, untilMs, reason: failure.message };
}

type PlaceKey = "region" | "zone" | "offerId";

/** What beside the platform tells places of a width apart. */
const placeKeys = {
  account: [],
  platform: [],
  region: ["region"],
  zone: ["region", "zone"],
  offer: ["offerId"],
  host: ["offerId"],
} as const satisfies Record<Exclude<FailureScope, "call">, readonly PlaceKey[]>;

/** Does an exclusion cover an offer? Its end is not looked at: see `dropExpired`. */
export function isExcluded(exclusion: Exclusion, offer: Place): boolean {
  const { scope, platform } = exclusion;
  if (scope === "call" || platform !== offer.platform) return false;
  return placeKeys[scope].every((key) => exclusion[key] === offer[key]);
}

/** The list with one more; of two for the same place, the one that lasts longer stays. */
export function addExclusion(
  exclusions: readonly Exclusion[],
  added: Exclusion,
): readonly Exclusion[] {
  if (added.scope === "call") return exclusions;
  const key = exclusionKey(added);
  const same = exclusions.find((exclusion) => exclusionKey(exclusion) === key);
  if (same !== undefined && same.untilMs >= added.untilMs) return exclusions;
  return [...exclusions.filter((exclusion) => exclusion !== same), added];
}

/** Only those that still hold at a time, in epoch milliseconds. */
export function dropExpired(exclusions: readonly Exclusion[], nowMs: number): readonly Exclusion[] {
  return exclusions.filter(({ untilMs }) => untilMs > nowMs);
}

/** One text per place, for a store that keeps one row for each. `readExclusion` reads it back. */
export function exclusionKey({ scope, platform, region, zone, offerId }: Exclusion): string {
  return JSON.stringify([scope, platform, region ?? null, zone ?? null, offerId ?? null]);
}

/**
 * An exclusion from its key and the rest of its row. `undefined` for a key of another version: what is not understood
 * is not avoided.
 */
export function readExclusion(
  key: string,
  rest: Pick<Exclusion, "untilMs" | "reason">,
): Exclusion | undefined {
  const parts = parseKey(key);
  if (parts === undefined) return undefined;
  const [scope, platform, region, zone, offerId] = parts;
  if (!isScope(scope) || platform === null || platform === undefined) return undefined;
  return {
    scope,
    platform,
    ...(region ? { region } : {}),
    ...(zone ? { zone } : {}),
    ...(offerId ? { offerId } : {}),
    ...rest,
  };
}

function isScope(text: string | null | undefined): text is keyof typeof placeKeys {
  return typeof text === "string" && Object.hasOwn(placeKeys, text);
}

function parseKey(key: string): readonly (string | null)[] | undefined {
  try {
    const parsed: unknown = JSON.parse(key);
    return Array.isArray(parsed) && parsed.length === 5 && parsed.every(isPart)
      ? parsed
      : undefined;
  } catch {
    return undefined;
  }
}

function isPart(part: unknown): part is string | null {
  return part === null || typeof part === "string";
}
