import type { AdapterContext, Failure, Money, Offer } from "@gpujob/spec";
import { findCards } from "./cards.ts";
import type { Host, HostView } from "./hosts.ts";

/** What an offer id stands for: so many cards on one of these hosts. */
export interface OfferPlace {
  readonly hosts: readonly Host[];
  readonly count: number;
}

/** One offer for each number of cards that the host could give, from one to all. */
export function listHostOffers(view: HostView, context: AdapterContext): readonly Offer[] {
  return sizesOf(view).map((count) => ({
    ...describe(view, count, context),
    offerId: `${view.host.name}-x${count}`,
    instanceType: view.host.name,
    ...stock(Math.floor(view.free.length / count), Math.floor(view.cards.cards.length / count)),
    ...withNotes(notesOf(view)),
  }));
}

/**
 * One offer for each number of cards on any of several hosts that are declared alike: with it a gang spreads over them.
 * Only declared hosts, so that the offer does not come and go with one that is switched off.
 */
export function listPoolOffers(
  pool: readonly Host[],
  views: readonly HostView[],
  context: AdapterContext,
): readonly Offer[] {
  // Alive, if there is one: it says more of itself.
  const first = views.find(({ outOfReach }) => outOfReach === undefined) ?? views[0];
  if (first === undefined) return [];
  const total = (count: number, cardsOf: (view: HostView) => number): number =>
    views.reduce((sum, view) => sum + Math.floor(cardsOf(view) / count), 0);
  return sizesOf(first).map((count) => ({
    ...describe(first, count, context),
    offerId: `${poolName(pool)}-x${count}`,
    instanceType: poolName(pool),
    ...stock(
      total(count, (view) => view.free.length),
      total(count, (view) => view.cards.cards.length),
    ),
    notes: [`on one of ${pool.map(({ name }) => name).join(", ")}`],
  }));
}

/** Groups of two or more hosts with the same declared cards, price and place. */
export function listPools(hosts: readonly Host[]): readonly (readonly Host[])[] {
  const groups = Map.groupBy(
    hosts.filter(({ config }) => config.gpu?.gpu !== undefined),
    ({ config }) =>
      JSON.stringify([
        config.gpu,
        config.interconnect,
        config.price,
        config.region,
        config.country,
        config.cards?.length,
      ]),
  );
  return [...groups.values()].filter((group) => group.length > 1);
}

function poolName(pool: readonly Host[]): string {
  return `any-${pool[0]?.name ?? ""}`;
}

/** The hosts that an offer id stands for; `undefined` for one that was never given out. */
export function findOfferPlace(offerId: string, hosts: readonly Host[]): OfferPlace | undefined {
  const [, name, digits] = /^(.*)-x(\d+)$/.exec(offerId) ?? [];
  if (name === undefined) return undefined;
  const host = hosts.find((one) => one.name === name);
  const pool = host === undefined ? listPools(hosts).find((one) => poolName(one) === name) : [host];
  return pool === undefined ? undefined : { hosts: pool, count: Number(digits) };
}

/** A host that does not answer, as far as the configuration tells: sold out, and why. */
export function unreachableView(host: Host, outOfReach: Failure): HostView {
  const report = { claims: [], leases: [], tools: {} };
  const cards = findCards(report, host.config.gpu, host.config.interconnect);
  return { host, report, cards: { ...cards, notes: [outOfReach.message] }, free: [], outOfReach };
}

/** A machine without cards is one whole. */
function sizesOf({ cards }: HostView): readonly number[] {
  return Array.from({ length: cards.cards.length }, (_, index) => index + 1);
}

function describe(
  { host, report, cards, outOfReach }: HostView,
  count: number,
  context: AdapterContext,
): Omit<Offer, "offerId" | "instanceType" | "availability"> {
  const { config } = host;
  const { cpuCount, memoryGib, diskFreeGib } = report;
  return {
    platform: context.platform,
    region: config.region ?? "local",
    ...(config.country === undefined ? {} : { country: config.country }),
    ...(cards.gpu === undefined ? {} : { gpu: { ...cards.gpu, count } }),
    ...(cpuCount === undefined ? {} : { cpuCount }),
    ...(memoryGib === undefined ? {} : { memoryGib: Math.round(memoryGib * 10) / 10 }),
    ...(diskFreeGib === undefined ? {} : { includedDiskGib: Math.floor(diskFreeGib) }),
    ...(outOfReach === undefined ? {} : { outOfReach }),
    ...describeDocker(report),
    market: "on-demand",
    price: ownPrice(priceOf(host, count / cards.cards.length, context)),
    bootSeconds: 0,
    observedAt: new Date(context.clock.now()).toISOString(),
  };
}

/** What keeps Docker from a user of the host, as it stands behind the word Docker. */
const dockerProblems = {
  missing: "is not installed there",
  stopped: "does not run there",
  forbidden: "may not be used there by our user, who is not in its group",
} as const;

function describeDocker({ docker }: HostView["report"]): Pick<Offer, "docker"> {
  if (docker === undefined) return {};
  return { docker: docker === "usable" ? true : { problem: dockerProblems[docker] } };
}

/** One's own figure has everything in it; what else there is to pay comes with no single job. */
function ownPrice(perHour: Money): Offer["price"] {
  const nothing: Money = { ...perHour, micros: 0 };
  return {
    perHour,
    billing: { unitSeconds: 1, minimumSeconds: 0 },
    publicIpPerHour: nothing,
    egressPerGib: nothing,
    taxRate: 0,
    source: "live",
  };
}

/** The price is for the whole host; a part of its cards costs that part. Unless said otherwise one's own machine is free. */
export function priceOf(host: Host, share: number, { currency }: AdapterContext): Money {
  const whole = host.config.price ?? { currency, micros: 0 };
  return { currency: whole.currency, micros: Math.round(whole.micros * share) };
}

function stock(free: number, all: number): Pick<Offer, "availability" | "maxNodes"> {
  return { availability: free === 0 ? "none" : free, maxNodes: Math.max(1, all) };
}

/** Who holds which cards, and what else a person should know. */
function notesOf({ host, report, cards }: HostView): readonly string[] {
  const claimed = new Set(report.claims.map(({ card }) => card));
  return [
    ...report.claims.map(({ card, user }) =>
      card === "host" ? `held by ${user}` : `card ${card} is held by ${user}`,
    ),
    ...cards.busy
      .filter((card) => !claimed.has(card))
      .map((card) => `card ${card} is in use by other processes`),
    ...cards.notes,
    ...Object.entries(host.config.labels ?? {}).map(([name, value]) => `${name}: ${value}`),
  ];
}

function withNotes(notes: readonly string[]): Pick<Offer, "notes"> {
  return notes.length === 0 ? {} : { notes };
}
