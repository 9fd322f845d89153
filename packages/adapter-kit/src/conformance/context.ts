import { fail, ok } from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type {
  AdapterDefinition,
  Capabilities,
  Clock,
  Failure,
  Lease,
  LeaseRequest,
  Offer,
  Platform,
} from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { createRealClock } from "../testing/real-clock.ts";
import { DoesNotApply } from "./check.ts";
import type { ConformanceSetup } from "./setup.ts";

/** What each check works with. */
export interface ConformanceContext {
  readonly definition: AdapterDefinition;
  readonly capabilities: Capabilities;
  readonly setup: ConformanceSetup;
  readonly platform: Platform;
  readonly installation: string;
  /** An id that no machine has. */
  readonly unknownLeaseId: string;
  /** A signal that never fires. */
  readonly wait: { readonly signal: AbortSignal };
  listOffers(): Promise<readonly Offer[]>;
  /** The offer that is rented in this suite. */
  pickOffer(): Promise<Offer>;
  /** A request with a new lease key and its own run. */
  newRequest(over?: Partial<LeaseRequest>): Promise<LeaseRequest>;
  /** Rents, and has the lease released after the check. */
  rent(
    over?: Partial<LeaseRequest>,
  ): Promise<{ readonly request: LeaseRequest; readonly lease: Lease }>;
  /** Has a lease released after the check that `rent` did not make. */
  remember(request: LeaseRequest): void;
  /** Waits until a read shows the lease: a platform may say "no such" of one that is very new. */
  untilSeen(leaseId: string): Promise<Lease>;
  /** Waits until the platform says `up`. */
  untilUp(leaseId: string): Promise<Lease>;
  /** Calls until the answer is there; fails with the sentence after the time is over. */
  waitUntil<T>(what: string, timeoutMs: number, look: () => Promise<T | undefined>): Promise<T>;
  /** Asks for release until the platform says `released`. */
  releaseFully(leaseId: string): Promise<void>;
  /** The leases that the platform lists for this installation. */
  listLeases(installation?: string): Promise<readonly Lease[]>;
  /** Releases what has been rented so far; what no list shows yet is looked for again at the next call. */
  cleanUp(): Promise<void>;
}

const publicKey =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA conformance";

export function createConformanceContext(
  definition: AdapterDefinition,
  setup: ConformanceSetup,
): ConformanceContext {
  const { platform } = setup;
  const clock: Clock = setup.clock ?? createRealClock();
  const installation = setup.installation ?? "conforma";
  const wait = { signal: new AbortController().signal };
  const remembered: LeaseRequest[] = [];
  const rented = new Set<string>();
  const seen = new Set<string>();

  const context: ConformanceContext = {
    definition,
    capabilities: definition.capabilities,
    setup,
    platform,
    installation,
    unknownLeaseId: setup.unknownLeaseId ?? "no-such-lease",
    wait,
    listOffers: () => platform.listOffers(setup.offerQuery ?? {}, wait),
    async pickOffer() {
      if (definition.capabilities.rents === false)
        throw new DoesNotApply("the capability rents is false");
      const offers = await context.listOffers();
      const offer = (setup.chooseOffer ?? cheapest)(offers);
      return offer ?? fail("There is no offer to rent: every one is sold out, or none was listed.");
    },
    async newRequest(over = {}) {
      const endsAtMs = clock.now() + 3_600_000;
      return {
        leaseKey: randomText(32),
        ownership: {
          installation,
          run: randomText(6),
          attempt: 1,
          member: 0,
          expires: Math.floor(endsAtMs / 1000),
        },
        offer: over.offer ?? (await context.pickOffer()),
        nodes: 1,
        diskGib: 20,
        sshPublicKey: publicKey,
        endsAt: new Date(endsAtMs).toISOString(),
        ...setup.request,
        ...over,
      };
    },
    async rent(over = {}) {
      const request = await context.newRequest(over);
      remembered.push(request);
      const lease = await platform.createLease(request, wait);
      rented.add(lease.leaseId);
      return { request, lease };
    },
    remember: (request) => void remembered.push(request),
    async untilSeen(leaseId) {
      const { visibilityWindowMs } = definition.capabilities;
      const lease = await context.waitUntil(
        `lease ${leaseId} can be read`,
        visibilityWindowMs,
        () => platform.getLease(leaseId, wait),
      );
      seen.add(leaseId);
      return lease;
    },
    untilUp: (leaseId) =>
      context.waitUntil(`lease ${leaseId} is up`, setup.bootTimeoutMs ?? 60_000, async () => {
        const lease = await platform.getLease(leaseId, wait);
        if (lease?.state === "failed" || lease?.state === "ended") fail(`It ${lease.state}.`);
        if (lease !== undefined) seen.add(leaseId);
        return lease?.state === "up" ? lease : undefined;
      }),
    async waitUntil(what, timeoutMs, look) {
      const untilMs = clock.monotonic() + timeoutMs;
      for (;;) {
        const answer = await look();
        if (answer !== undefined) return answer;
        if (clock.monotonic() > untilMs) fail(`Waited ${timeoutMs} ms in vain until ${what}.`);
        await clock.sleep(setup.pollMs ?? 20, wait);
      }
    },
    async releaseFully(leaseId) {
      await context.waitUntil(
        `lease ${leaseId} is released`,
        setup.releaseTimeoutMs ?? 60_000,
        async () => {
          const progress = await platform.releaseLease(leaseId, wait);
          return progress.state === "released" ? true : undefined;
        },
      );
    },
    listLeases: (of = installation) => platform.listLeases({ installation: of }, wait),
    async cleanUp() {
      const runs = new Set(remembered.map((request) => request.ownership.run));
      for (const owner of new Set(remembered.map((request) => request.ownership.installation))) {
        for (const lease of await context.listLeases(owner)) {
          if (runs.has(lease.ownership?.run ?? "")) rented.add(lease.leaseId);
        }
      }
      for (const leaseId of rented) {
        // It bills on, but somebody else may use it: without this each check would need machines of its own.
        if (definition.capabilities.release === "by-hand") {
          await platform.releaseLease(leaseId, wait);
          continue;
        }
        if (!seen.has(leaseId)) await context.untilSeen(leaseId);
        await context.releaseFully(leaseId);
      }
      rented.clear();
    },
  };
  return context;
}

function cheapest(offers: readonly Offer[]): Offer | undefined {
  return offers
    .filter((offer) => offer.availability !== "none" && offer.availability !== 0)
    .toSorted((one, other) => one.price.perHour.micros - other.price.perHour.micros)[0];
}

function randomText(length: number): string {
  return [...randomBytes(length)].map((byte) => (byte % 36).toString(36)).join("");
}

/** The failure of a call that must fail with a `PlatformError`. */
export async function failureOf(call: Promise<unknown>): Promise<Failure> {
  let answer: unknown;
  try {
    answer = await call;
  } catch (error) {
    ok(
      PlatformError.is(error),
      `It threw something that is no PlatformError: ${error instanceof Error ? error.stack : String(error)}`,
    );
    return error.failure;
  }
  return fail(`It answered ${JSON.stringify(answer)} where it had to throw.`);
}
