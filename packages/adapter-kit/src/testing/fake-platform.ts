import type {
  AdapterDefinition,
  Capabilities,
  Channel,
  Clock,
  Lease,
  LeaseRequest,
  Money,
  Node,
  NodeAccess,
  Offer,
  Platform,
  PlatformErrorKind,
} from "@gpujob/spec";
import { contractVersion } from "@gpujob/spec";
import { z } from "zod";
import { withDefaults } from "../capabilities.ts";
import type { CapabilitiesInput } from "../define-adapter.ts";
import { defineAdapter } from "../define-adapter.ts";
import type { CallFault, FakeFault, FaultTarget } from "./fake-faults.ts";
import type { FakeBill } from "./fake-machine.ts";
import { createFakeMarket } from "./fake-market.ts";
import { createFakeMethods } from "./fake-methods.ts";

/** How a fake platform is set up. */
export interface FakePlatformOptions {
  /** The platform's configured name. @default "fake" */
  readonly name?: string;
  readonly clock: Clock;
  readonly offers: readonly Offer[];
  readonly faults?: readonly FakeFault[];
  /** Over the defaults of the fake: release by API, token, tags, both markets, no auto-release. */
  readonly capabilities?: Partial<CapabilitiesInput>;
  /** From create to up, in milliseconds. @default 0 */
  readonly bootMs?: number;
  /** From an accepted release to the end of the machine, in milliseconds. @default 0 */
  readonly releaseMs?: number;
  /** A new machine stays out of lists and reads for so long, in milliseconds. @default 0 */
  readonly lagMs?: number;
  /** How nodes are reached. @default by channel where `openChannel` is given, else SSH on loopback with our key */
  readonly access?: (leaseId: string, rank: number) => NodeAccess;
  readonly openChannel?: (node: Node) => Promise<Channel>;
  /** With the capability `balance`. @default 100 CNY */
  readonly balance?: Money;
}

/** One call that reached the fake platform. */
export interface FakeCall {
  readonly on: FaultTarget;
  /** Lease key, lease id or offer id. */
  readonly subject: string;
  readonly atMs: number;
}

/** A simulated platform in memory, and the hands that move it. It outlives whoever drives it. */
export interface FakePlatform {
  readonly platform: Platform;
  readonly capabilities: Capabilities;
  /** The same platform as an adapter, for a registry. Its configuration may be an empty object. */
  readonly definition: AdapterDefinition<{ readonly endpoint?: string }>;
  /** Every call so far, in order. */
  readonly calls: readonly FakeCall[];
  addFault(fault: FakeFault): void;
  clearFaults(): void;
  /** Strikes the next call of this kind, whatever its `nth`. */
  faultNext(fault: CallFault): void;
  /** The next call of this kind fails so, without effect. */
  failNext(
    on: FaultTarget,
    kind: PlatformErrorKind,
    details?: { readonly retryAfterMs?: number },
  ): void;
  /** Replaces an offer's data: price, stock, anything. */
  setOffer(offerId: string, change: Partial<Offer>): void;
  /** What the platform would bill, one line per machine that ever cost anything. */
  bills(): readonly FakeBill[];
  /** Every machine, ended ones and those not yet visible too. */
  machines(): readonly Lease[];
  /** Announces the end of a machine and ends it after the notice. */
  interrupt(leaseId: string, options: { readonly noticeMs: number }): void;
  /** Ends a machine at once, from the platform's side. */
  end(leaseId: string, reason?: string): void;
  /** The machine's own power-off: what it does to the bill is the capability `powerOff`. */
  powerOff(leaseId: string): void;
}

/** Makes a fake platform; see `FakeFault` for what can go wrong with it. */
export function createFakePlatform(options: FakePlatformOptions): FakePlatform {
  const name = options.name ?? "fake";
  const capabilities = fakeCapabilities(options);
  const market = createFakeMarket(options, capabilities, name);
  const platform = createFakeMethods(options, capabilities, market, name);
  const faultNext = (fault: CallFault): void =>
    market.script.add({ ...fault, nth: market.script.count(fault.on) + 1 });
  const definition = defineAdapter({
    id: "fake",
    title: "Fake",
    contractVersion,
    configSchema: z.strictObject({ endpoint: z.url().exactOptional() }),
    capabilities,
    create: () => platform,
  });
  return {
    platform,
    capabilities,
    definition,
    calls: market.calls,
    addFault: (fault) => market.script.add(fault),
    clearFaults: () => market.script.clear(),
    faultNext,
    failNext(on, kind, details = {}) {
      faultNext({ on, do: "error", kind, ...details });
    },
    setOffer: (offerId, change) => market.setOffer(offerId, change),
    bills: () => market.bills(),
    machines: () => market.machines().map((machine) => market.toLease(machine)),
    interrupt: (leaseId, { noticeMs }) => market.interrupt(leaseId, noticeMs),
    end: (leaseId, reason) => market.end(leaseId, reason ?? "ended by the platform"),
    powerOff: (leaseId) => market.powerOff(leaseId),
  };
}

function fakeCapabilities(options: FakePlatformOptions): Capabilities {
  return withDefaults({
    release: "api",
    markets: ["on-demand", "spot"],
    idempotency: "token",
    tagging: "tags",
    visibilityWindowMs: options.lagMs ?? 0,
    channel: options.openChannel !== undefined,
    interruptionNotice: true,
    capacityCheck: true,
    balance: true,
    charges: true,
    ...options.capabilities,
  });
}

/** A lease request for tests: one node of the offer, ending an hour after `nowMs`, with what is given put over it. */
export function createTestRequest(
  offer: Offer,
  nowMs: number,
  over: Partial<LeaseRequest> = {},
): LeaseRequest {
  return {
    leaseKey: "k".repeat(32),
    ownership: {
      installation: "testinst",
      run: "aaaaaa",
      attempt: 1,
      member: 0,
      expires: Math.floor(nowMs / 1000) + 3600,
    },
    offer,
    nodes: 1,
    diskGib: 20,
    sshPublicKey:
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA test",
    endsAt: new Date(nowMs + 3_600_000).toISOString(),
    ...over,
  };
}
