import type { LeaseRequest, Offer, Platform } from "@gpujob/spec";

/** What tests of a cloud ask a platform for, again and again. */
export interface CloudDesk {
  /** Throws when it is not among the offers. */
  readonly findOffer: (offerId: string) => Promise<Offer>;
  /** A request of its own lease key and run, over an hour. */
  readonly request: (offer: Offer, over?: Partial<LeaseRequest>) => LeaseRequest;
  /** Asks for release until it is said to be done. */
  readonly releaseFully: (platform: Platform, leaseId: string) => Promise<void>;
  /** Looks until the machine is up. */
  readonly untilUp: (platform: Platform, leaseId: string) => Promise<void>;
}

const wait = { signal: new AbortController().signal };
const hourMs = 3_600_000;

/** A desk at one platform; `releaseFully` and `untilUp` take another configured for the same cloud too. */
export function createCloudDesk(platform: Platform): CloudDesk {
  let count = 0;
  return {
    async findOffer(offerId) {
      const offers = await platform.listOffers({}, wait);
      const offer = offers.find((one) => one.offerId === offerId);
      if (offer === undefined) throw new Error(`${offerId} is not among the offers.`);
      return offer;
    },
    request(offer, over = {}) {
      count += 1;
      const endsAtMs = Date.now() + hourMs;
      return {
        leaseKey: `lease${count}`.padEnd(32, "0"),
        ownership: {
          installation: "testinst",
          run: `run${count}`,
          attempt: 1,
          member: 0,
          expires: Math.floor(endsAtMs / 1000),
        },
        offer,
        nodes: 1,
        diskGib: 20,
        sshPublicKey: `ssh-ed25519 ${"A".repeat(68)} test`,
        endsAt: new Date(endsAtMs).toISOString(),
        ...over,
      };
    },
    releaseFully: (from, leaseId) =>
      repeat(
        async () => (await from.releaseLease(leaseId, wait)).state === "released",
        `${leaseId} was never released.`,
      ),
    untilUp: (from, leaseId) =>
      repeat(
        async () => (await from.getLease(leaseId, wait))?.state === "up",
        `${leaseId} never came up.`,
      ),
  };
}

async function repeat(isDone: () => Promise<boolean>, problem: string): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await isDone()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(problem);
}
