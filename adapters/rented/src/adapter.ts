import {
  listEach,
  packOwnership,
  throwIfAborted,
  unpackOwnership,
  type Place,
} from "@gpujob/adapter-kit";
import type {
  AdapterContext,
  Lease,
  LeaseRequest,
  LeaseState,
  Platform,
  ReleaseProgress,
} from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { withMachine, type MachineApi } from "./api.ts";
import type { RentedConfig } from "./config.ts";
import { classify, machineError, problemOf } from "./errors.ts";
import { accessOf, listMachines, type Machine } from "./machines.ts";
import { toOffer, type MachineView } from "./offers.ts";
import type { MachineReport, ReportedLease } from "./report.ts";
import { createSelfEnds } from "./self-ends.ts";

type Wait = { readonly signal: AbortSignal };

/** The machines of a configuration as a platform. */
export function createRentedPlatform(config: RentedConfig, context: AdapterContext): Platform {
  const machines = listMachines(config.hosts);
  const selfEnds = createSelfEnds(context.stateFolder);
  const { platform, clock } = context;

  /** Works on one machine; whatever fails there names platform and machine. */
  async function onMachine(
    machine: Machine,
    operation: string,
    { signal }: Wait,
    work: (api: MachineApi) => Promise<MachineReport>,
  ): Promise<MachineReport> {
    throwIfAborted(signal, { platform, operation });
    try {
      const report = await withMachine(machine, context, { signal }, work);
      const problem = problemOf(report, machine.name, { platform, operation });
      if (problem !== undefined) throw problem;
      return report;
    } catch (error) {
      throw machineError(signal.aborted ? signal.reason : error, machine.name, {
        platform,
        operation,
      });
    }
  }

  async function viewMachine(machine: Machine, wait: Wait): Promise<MachineView> {
    try {
      const report = await onMachine(machine, "listOffers", wait, (api) => api.readState(wait));
      return { machine, report };
    } catch (error) {
      throwIfAborted(wait.signal, { platform, operation: "listOffers" });
      // `onMachine` throws nothing else.
      if (!PlatformError.is(error)) throw error;
      return { machine, problem: error };
    }
  }

  async function createLease(request: LeaseRequest, wait: Wait): Promise<Lease> {
    const place = { platform, operation: "createLease" };
    throwIfAborted(wait.signal, place);
    const { offer, leaseKey, ownership, nodes } = request;
    const machine = machines.find(({ name }) => name === offer.offerId);
    if (machine === undefined) throw unknownOffer(offer.offerId, place);
    if (nodes > 1) throw oneMachineOnly(nodes, place);
    // Taken until the run has no reason to use it any more: nothing ends it by itself, so that nothing has to be moved.
    const seconds = Math.max(1, Math.ceil(ownership.expires - clock.now() / 1000));
    const report = await onMachine(machine, place.operation, wait, (api) =>
      api.create({ leaseKey, name: packOwnership(ownership), seconds, nowMs: clock.now() }, wait),
    );
    const lease = await findLease(machine, report, leaseKey);
    if (lease !== undefined) return lease;
    const message = `${platform}: ${machine.name} took the lease and does not show it.`;
    throw new PlatformError("contract_violation", message, { ...place, scope: "host" });
  }

  async function getLease(leaseId: string, wait: Wait): Promise<Lease | undefined> {
    const place = { platform, operation: "getLease" };
    throwIfAborted(wait.signal, place);
    const found = findPlace(leaseId, machines, place);
    if (found === undefined) return undefined;
    const { machine, leaseKey } = found;
    try {
      const report = await onMachine(machine, place.operation, wait, (api) =>
        api.readLease(leaseKey, wait),
      );
      return await findLease(machine, report, leaseKey);
    } catch (error) {
      // It was told to end itself and does not answer any more: that is what its end looks like from here.
      const endedMs = await selfEnds.find(leaseKey);
      const isSilent = PlatformError.is(error) && error.kind === "unreachable";
      if (endedMs === undefined || !isSilent) throw error;
      return toLease(machine, { leaseKey, state: "ended", name: "", endedMs });
    }
  }

  async function releaseLease(leaseId: string, wait: Wait): Promise<ReleaseProgress> {
    const place = { platform, operation: "releaseLease" };
    throwIfAborted(wait.signal, place);
    const found = findPlace(leaseId, machines, place);
    if (found === undefined) return { state: "released" };
    const { machine, leaseKey } = found;
    const command = machine.terms.selfEnd?.command;
    const report = await onMachine(machine, place.operation, wait, (api) =>
      api.release({ leaseKey, ...(command === undefined ? {} : { command }) }, wait),
    );
    if (report.isEnding) await selfEnds.note(leaseKey, clock.now());
    const state = report.leases.find((lease) => lease.leaseKey === leaseKey)?.state ?? "ended";
    // Given back is not ended: only the machine's user stops its bill, or the machine itself a moment from now.
    if (state === "ended") return { state: "released" };
    return report.isEnding ? { state: "releasing", againAfterMs: 5_000 } : { state: "releasing" };
  }

  async function findLease(
    machine: Machine,
    report: MachineReport,
    leaseKey: string,
  ): Promise<Lease | undefined> {
    const found = report.leases.find((lease) => lease.leaseKey === leaseKey);
    return found === undefined ? undefined : toLease(machine, found, report.workFolder);
  }

  async function toLease(
    machine: Machine,
    found: ReportedLease,
    workFolder?: string,
  ): Promise<Lease> {
    const leaseId = `${machine.name}-${found.leaseKey}`;
    const ownership = unpackOwnership(found.name);
    const reason = reasons[found.state];
    const root =
      machine.host.root ?? (workFolder === undefined ? undefined : `${workFolder}/gpujob`);
    const node = { nodeId: leaseId, rank: 0, access: await accessOf(machine, context) };
    return {
      leaseId,
      leaseKey: found.leaseKey,
      ...(ownership === undefined ? {} : { ownership }),
      state: states[found.state],
      isBillable: found.state !== "ended",
      pricePerHour: machine.terms.perHour,
      ...(found.fromMs === undefined ? {} : { startedAt: new Date(found.fromMs).toISOString() }),
      ...(found.endedMs === undefined ? {} : { endedAt: new Date(found.endedMs).toISOString() }),
      ...(reason === undefined ? {} : { reason }),
      nodes: [{ ...node, ...(root === undefined ? {} : { root }) }],
    };
  }

  return {
    async listOffers(_query, wait) {
      throwIfAborted(wait.signal, { platform, operation: "listOffers" });
      const views = await Promise.all(machines.map((machine) => viewMachine(machine, wait)));
      const [first] = views;
      if (first !== undefined && "problem" in first && views.every((view) => "problem" in view))
        throw first.problem;
      return views.map((view) => toOffer(view, context));
    },
    createLease,
    getLease,
    async listLeases({ installation }, wait) {
      const read = async (machine: Machine, limit: Wait): Promise<readonly Lease[]> => {
        const report = await onMachine(machine, "listLeases", limit, (api) => api.readState(limit));
        const leases = await Promise.all(
          report.leases.map((lease) => toLease(machine, lease, report.workFolder)),
        );
        return leases.filter(
          ({ state, ownership }) =>
            state !== "ended" &&
            (ownership === undefined || ownership.installation === installation),
        );
      };
      const place = { platform, operation: "listLeases" };
      return listEach(machines, { place, clock, nameOf: ({ name }) => name, read }, wait);
    },
    releaseLease,
    classify,
  };
}

const states = {
  up: "up",
  over: "releasing",
  lapsed: "stopped",
  restarted: "stopped",
  ended: "ended",
} as const satisfies Record<ReportedLease["state"], LeaseState>;

const reasons: Partial<Record<ReportedLease["state"], string>> = {
  over: "given back; it bills until you end it",
  lapsed: "the time for which it was taken is over",
  restarted: "the machine was started anew",
  ended: "the next run has taken over its bill, or the machine has ended itself",
};

function unknownOffer(offerId: string, place: Place): PlatformError {
  return new PlatformError(
    "unsupported_request",
    `${place.platform}: there is no machine ${offerId}.`,
    {
      ...place,
      scope: "offer",
      hint: "It may have been taken out of the configuration; plan again.",
    },
  );
}

function oneMachineOnly(nodes: number, place: Place): PlatformError {
  return new PlatformError(
    "unsupported_request",
    `${place.platform}: a lease is one machine, ${nodes} were asked for.`,
    { ...place, scope: "call" },
  );
}

/** The machine and key in a lease id; `undefined` for an id that was never ours. */
function findPlace(
  leaseId: string,
  machines: readonly Machine[],
  place: Place,
): { readonly machine: Machine; readonly leaseKey: string } | undefined {
  const [, name, leaseKey] = /^(.+)-([a-z0-9]{32})$/.exec(leaseId) ?? [];
  if (name === undefined || leaseKey === undefined) return undefined;
  const machine = machines.find((one) => one.name === name);
  if (machine !== undefined) return { machine, leaseKey };
  throw new PlatformError(
    "unreachable",
    `${place.platform}: the machine ${name} of lease ${leaseId} is no longer in the configuration.`,
    {
      ...place,
      scope: "host",
      hint: `Add it again, or vouch for its end with \`gpujob audit --ended ${leaseId}\`.`,
    },
  );
}
