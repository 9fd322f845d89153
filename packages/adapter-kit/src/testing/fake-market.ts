import type { Capabilities, Lease, LeaseRequest, NodeAccess, Offer } from "@gpujob/spec";
import type { CallFault, FaultScript, FaultTarget } from "./fake-faults.ts";
import { createFaultScript } from "./fake-faults.ts";
import { fakeError } from "./fake-error.ts";
import type { FakeBill, FakeMachine } from "./fake-machine.ts";
import { createMachine, endMachine, hasEnded, toBill, toLease } from "./fake-machine.ts";
import type { FakeCall, FakePlatformOptions } from "./fake-platform.ts";

/** The fake platform's own truth: machines, offers, meter and call log. */
export interface FakeMarket {
  readonly script: FaultScript;
  readonly calls: FakeCall[];
  nowMs(): number;
  offers(): readonly Offer[];
  setOffer(offerId: string, change: Partial<Offer>): void;
  machines(): readonly FakeMachine[];
  /** One that reads and lists can see by now. */
  visible(leaseId: string): FakeMachine | undefined;
  rent(request: LeaseRequest, faults: readonly CallFault[]): FakeMachine;
  toLease(machine: FakeMachine): Lease;
  bills(): readonly FakeBill[];
  interrupt(leaseId: string, noticeMs: number): void;
  end(leaseId: string, reason: string): void;
  powerOff(leaseId: string): void;
  /** Logs the call and says which faults strike it. */
  strike(on: FaultTarget, subject: string, offerId?: string): readonly CallFault[];
}

export function createFakeMarket(
  options: FakePlatformOptions,
  capabilities: Capabilities,
  name: string,
): FakeMarket {
  const script = createFaultScript(options.faults ?? []);
  const offers = new Map(
    options.offers.map((offer) => [offer.offerId, { ...offer, platform: name }]),
  );
  const machines = new Map<string, FakeMachine>();
  const calls: FakeCall[] = [];
  const nowMs = () => options.clock.now();
  // A machine of the user's own costs nothing.
  const bills = capabilities.release !== "owned";
  const access = options.access ?? defaultAccess(options.openChannel !== undefined);

  function known(leaseId: string): FakeMachine {
    const machine = machines.get(leaseId);
    if (machine === undefined) throw new Error(`The fake platform has no machine ${leaseId}.`);
    return machine;
  }

  function currentOffer(offer: Offer): Offer {
    const current = offers.get(offer.offerId);
    if (current === undefined) return offer;
    if (typeof current.availability !== "number") return current;
    const isTaken = (machine: FakeMachine) =>
      machine.request.offer.offerId === current.offerId && !hasEnded(machine, nowMs());
    const taken = [...machines.values()].filter(isTaken).length;
    const left = current.availability - taken;
    return { ...current, availability: left > 0 ? left : "none" };
  }

  return {
    script,
    calls,
    nowMs,
    offers: () => [...offers.values()].map(currentOffer),
    setOffer(offerId, change) {
      const offer = offers.get(offerId);
      if (offer === undefined) throw new Error(`The fake platform has no offer ${offerId}.`);
      offers.set(offerId, { ...offer, ...change });
    },
    machines: () => [...machines.values()],
    visible(leaseId) {
      const machine = machines.get(leaseId);
      return machine !== undefined && nowMs() >= machine.visibleAtMs ? machine : undefined;
    },
    rent(request, faults) {
      const offer = offers.get(request.offer.offerId);
      if (offer === undefined || currentOffer(offer).availability === "none") {
        throw fakeError(name, "createLease", "no_capacity", { scope: "offer" });
      }
      const pricePerHour = repriced(offer, faults);
      if (request.priceLimit !== undefined && pricePerHour.micros > request.priceLimit.micros) {
        throw fakeError(name, "createLease", "price_changed", { scope: "offer" });
      }
      const leaseId = `${name}-m${machines.size + 1}`;
      const machine = createMachine({
        leaseId,
        request,
        pricePerHour,
        nowMs: nowMs(),
        bootMs: options.bootMs ?? 0,
        lagMs: lagOf(faults) ?? options.lagMs ?? 0,
        autoRelease: capabilities.autoRelease,
        faults: script.nextLease(offer.offerId),
      });
      machines.set(leaseId, machine);
      return machine;
    },
    toLease(machine) {
      const lease = toLease(machine, nowMs(), access);
      return bills ? lease : { ...lease, isBillable: false };
    },
    bills: () =>
      bills ? [...machines.values()].flatMap((machine) => toBill(machine, nowMs()) ?? []) : [],
    interrupt(leaseId, noticeMs) {
      const machine = known(leaseId);
      machine.noticeAtMs = nowMs();
      endMachine(machine, nowMs() + noticeMs, "taken back by the platform");
    },
    end: (leaseId, reason) => endMachine(known(leaseId), nowMs(), reason),
    powerOff(leaseId) {
      const machine = known(leaseId);
      if (capabilities.powerOff === "ends") endMachine(machine, nowMs(), "powered off");
      if (capabilities.powerOff === "stops") {
        machine.stoppedAtMs = Math.min(machine.stoppedAtMs, nowMs());
      }
    },
    strike(on, subject, offerId) {
      calls.push({ on, subject, atMs: nowMs() });
      return script.nextCall(on, offerId);
    },
  };
}

function repriced(offer: Offer, faults: readonly CallFault[]): Offer["price"]["perHour"] {
  const { currency, micros } = offer.price.perHour;
  const factor = faults.reduce(
    (product, fault) => product * (fault.do === "reprice" ? fault.factor : 1),
    1,
  );
  return { currency, micros: Math.round(micros * factor) };
}

function lagOf(faults: readonly CallFault[]): number | undefined {
  for (const fault of faults) if (fault.do === "lag") return fault.byMs;
  return undefined;
}

function defaultAccess(hasChannel: boolean): (leaseId: string, rank: number) => NodeAccess {
  return () =>
    hasChannel
      ? { kind: "channel" }
      : { kind: "ssh", host: "127.0.0.1", port: 22, user: "root", auth: { kind: "our-key" } };
}
