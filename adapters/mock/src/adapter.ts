import {
  abortedError,
  fromOwnershipTags,
  outcomeUnknown,
  toOwnershipTags,
} from "@gpujob/adapter-kit";
import type {
  AdapterContext,
  Lease,
  LeaseRequest,
  LeaseState,
  Offer,
  Platform,
} from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { classifyError, toPlatformError } from "./errors.ts";
import { openMachineChannel } from "./machine/channel.ts";
import { unreachableMachine } from "./machine/execution.ts";
import type { MachineView, MarketApi } from "./market/market-api.ts";
import { MarketError } from "./market/market-api.ts";
import type { MachinePlace } from "./machine-place.ts";

/** What the platform is made of. `api` speaks to the market's file or, over HTTP, to its server. */
export interface MockPlatformOptions {
  readonly context: AdapterContext;
  readonly api: MarketApi;
  readonly searchPath: string;
  /** Where the machines are. */
  readonly place: MachinePlace;
}

const releaseAgainMs = 200;

/** One configured platform of the mock market. */
export function createMockPlatform(options: MockPlatformOptions): Required<Platform> {
  const { context, api, place } = options;
  const { platform } = context;

  /** Runs one contract method; whatever it throws leaves as a `PlatformError`. */
  async function run<T>(
    operation: string,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      signal.throwIfAborted();
      return await work();
    } catch (error) {
      const isAnswer = PlatformError.is(error) || error instanceof MarketError;
      if (signal.aborted && !isAnswer) throw abortedError({ platform, operation }, error);
      throw toPlatformError(error, { platform, operation });
    }
  }

  async function readOffers(signal: AbortSignal): Promise<readonly Offer[]> {
    const offers = await api.listOffers({ signal });
    const observedAt = new Date(context.clock.now()).toISOString();
    return offers.map(({ offer, stock }) => ({
      ...offer,
      platform,
      availability: toAvailability(stock),
      observedAt,
    }));
  }

  /** Once a create is on its way, an abort leaves open whether there is a machine. */
  async function create(request: LeaseRequest, signal: AbortSignal): Promise<MachineView> {
    try {
      return await api.create(toCreate(request), { signal });
    } catch (error) {
      if (!signal.aborted || error instanceof MarketError) throw error;
      const operation = "createLease";
      throw outcomeUnknown({ platform, operation, name: request.leaseKey, cause: error });
    }
  }

  return {
    listOffers: (_query, { signal }) => run("listOffers", signal, () => readOffers(signal)),
    createLease: (request, { signal }) =>
      run("createLease", signal, async () => {
        checkRequest(request, platform);
        // What it costs is known only once it is rented: the engine holds it to the limit, and charges it.
        return toLease(await create(request, signal));
      }),
    getLease: (leaseId, { signal }) =>
      run("getLease", signal, async () => {
        const machine = await api.describe(leaseId, { signal });
        return machine === undefined ? undefined : toLease(machine);
      }),
    listLeases: ({ installation }, { signal }) =>
      run("listLeases", signal, async () => {
        const leases = new Map(
          (await api.list({ signal })).map((one) => [one.leaseId, toLease(one)]),
        );
        // By id, because a market may list a machine twice.
        return [...leases.values()].filter(
          ({ ownership }) => ownership === undefined || ownership.installation === installation,
        );
      }),
    releaseLease: (leaseId, { signal }) =>
      run("releaseLease", signal, async () => {
        await api.terminate(leaseId, { signal });
        const machine = await api.describe(leaseId, { signal });
        return machine === undefined || machine.state === "ended"
          ? { state: "released" }
          : { state: "releasing", againAfterMs: releaseAgainMs };
      }),
    classify: classifyError,
    extendLease: (leaseId, until, { signal }) =>
      run("extendLease", signal, () => api.setEnd(leaseId, Date.parse(until), { signal })),
    openChannel: ({ nodeId }, { signal }) =>
      run("openChannel", signal, async () => {
        const { folder, isUp } = await place.find({ signal });
        if (!isUp(nodeId)) throw unreachableMachine({ platform, leaseId: nodeId });
        return openMachineChannel({
          platform,
          leaseId: nodeId,
          folder,
          searchPath: options.searchPath,
          isUp: () => isUp(nodeId),
        });
      }),
    watchInterruption: (leaseId, { signal }) =>
      run("watchInterruption", signal, async () => {
        const notice = (await api.describe(leaseId, { signal }))?.notice ?? null;
        if (notice === null) return undefined;
        return { endsAt: toIso(notice.endsMs), reason: notice.reason };
      }),
    checkCapacity: ({ offerId }, { signal }) =>
      run("checkCapacity", signal, async () => {
        const offers = await api.listOffers({ signal });
        const found = offers.find(({ offer }) => offer.offerId === offerId);
        return found === undefined ? "none" : toAvailability(found.stock);
      }),
    getBalance: ({ signal }) => run("getBalance", signal, () => api.readBalance({ signal })),
    readCharges: (leaseId, { signal }) =>
      run("readCharges", signal, async () => {
        const charges = await api.readCharges(leaseId, { signal });
        return charges.map(({ kind, amount, fromMs, toMs }) => ({
          kind,
          amount,
          from: toIso(fromMs),
          to: toIso(toMs),
        }));
      }),
    async close() {
      api.close();
      place.close();
    },
  };
}

function toCreate(request: LeaseRequest): Parameters<MarketApi["create"]>[0] {
  return {
    token: request.leaseKey,
    tags: toOwnershipTags(request.ownership, request.leaseKey),
    offerType: request.offer.offerId,
    diskGib: request.diskGib,
    endsMs: Date.parse(request.endsAt),
  };
}

function checkRequest(request: LeaseRequest, platform: string): void {
  if (request.nodes !== 1) {
    throw new PlatformError(
      "unsupported_request",
      `${platform}: one lease is one machine, ${request.nodes} were asked for.`,
      { platform, operation: "createLease", scope: "offer", hint: "Make one lease per node." },
    );
  }
  if (Number.isNaN(Date.parse(request.endsAt))) {
    throw new PlatformError(
      "unsupported_request",
      `${platform}: "${request.endsAt}" is not a time at which a machine could end.`,
      { platform, operation: "createLease", hint: "Give endsAt as an ISO-8601 time in UTC." },
    );
  }
}

function toAvailability(stock: number | null): Offer["availability"] {
  if (stock === null) return "high";
  return stock === 0 ? "none" : stock;
}

const states = {
  booting: "pending",
  up: "up",
  ending: "releasing",
  ended: "ended",
} as const satisfies Record<MachineView["state"], LeaseState>;

function toLease(machine: MachineView): Lease {
  const { leaseId, billedFromMs, endedMs, endReason } = machine;
  const isUp = machine.state === "up";
  return {
    leaseId,
    ...fromOwnershipTags(machine.tags),
    state: states[machine.state],
    isBillable: billedFromMs !== null && (endedMs === null || machine.isDiskLeft),
    pricePerHour: machine.pricePerHour,
    ...(billedFromMs === null ? {} : { startedAt: toIso(billedFromMs) }),
    ...(endedMs === null ? {} : { endedAt: toIso(endedMs) }),
    ...(machine.isDiskLeft ? { reason: "its disk is still there" } : {}),
    ...(endReason === null || machine.isDiskLeft ? {} : { reason: endReason }),
    nodes: [
      {
        nodeId: leaseId,
        rank: 0,
        // All machines of the market are this computer.
        internalAddress: "127.0.0.1",
        ...(isUp ? { access: { kind: "channel" } as const } : {}),
      },
    ],
  };
}

function toIso(ms: number): string {
  return new Date(ms).toISOString();
}
