import {
  findLeasedMachine,
  listEach,
  machineError,
  omitUndefined,
  packOwnership,
  refuse,
  requireOneNode,
  scriptRefusal,
  throwIfAborted,
  unpackOwnership,
} from "@gpujob/adapter-kit";
import type { AdapterContext, Lease, LeaseState, Platform } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { askMachine, type MachineCall } from "./api.ts";
import type { RentedConfig } from "./config.ts";
import { classify, errorTable, hints } from "./errors.ts";
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

  /** Asks one machine; whatever fails there names platform and machine. */
  async function ask(
    machine: Machine,
    operation: string,
    call: MachineCall,
    { signal }: Wait,
  ): Promise<MachineReport> {
    const place = { platform, operation };
    throwIfAborted(signal, place);
    try {
      const report = await askMachine(machine, context, call, { signal });
      if (report.problem === undefined) return report;
      throw scriptRefusal(errorTable, report.problem, machine.name, place);
    } catch (error) {
      throw machineError(signal.aborted ? signal.reason : error, machine.name, place, hints);
    }
  }

  async function view(machine: Machine, wait: Wait): Promise<MachineView> {
    try {
      return { machine, report: await ask(machine, "listOffers", { operation: "state" }, wait) };
    } catch (error) {
      throwIfAborted(wait.signal, { platform, operation: "listOffers" });
      // `ask` throws nothing else.
      if (!PlatformError.is(error)) throw error;
      return { machine, problem: error };
    }
  }

  async function findLease(
    machine: Machine,
    report: MachineReport,
    leaseKey: string,
  ): Promise<Lease | undefined> {
    const found = report.leases.find((lease) => lease.leaseKey === leaseKey);
    return found === undefined ? undefined : toLease(machine, found, context, report.workFolder);
  }

  return {
    async listOffers(_query, wait) {
      throwIfAborted(wait.signal, { platform, operation: "listOffers" });
      const views = await Promise.all(machines.map((machine) => view(machine, wait)));
      const [first] = views;
      if (first !== undefined && "problem" in first && views.every((one) => "problem" in one))
        throw first.problem;
      return views.map((one) => toOffer(one, context));
    },

    async createLease(request, wait) {
      const place = { platform, operation: "createLease" };
      throwIfAborted(wait.signal, place);
      const { offer, leaseKey, ownership } = request;
      requireOneNode(request, platform);
      const machine = machines.find(({ name }) => name === offer.offerId);
      if (machine === undefined) {
        const hint = "It may have been taken out of the configuration; plan again.";
        const what = `there is no machine ${offer.offerId}`;
        throw refuse(place, { kind: "unsupported_request", scope: "offer", what, hint });
      }
      const name = packOwnership(ownership);
      const nowMs = clock.now();
      // Taken until the run has no reason to use it any more: nothing ends it by itself, so that nothing has to be moved.
      const seconds = Math.max(1, Math.ceil(ownership.expires - nowMs / 1000));
      const call = { operation: "create", leaseKey, name, seconds, nowMs } as const;
      const report = await ask(machine, place.operation, call, wait);
      const lease = await findLease(machine, report, leaseKey);
      if (lease !== undefined) return lease;
      const what = `${machine.name} took the lease and does not show it`;
      throw refuse(place, { kind: "contract_violation", scope: "host", what });
    },

    async getLease(leaseId, wait) {
      const place = { platform, operation: "getLease" };
      throwIfAborted(wait.signal, place);
      const found = findLeasedMachine(leaseId, machines, place);
      if (found === undefined) return undefined;
      const { machine, leaseKey } = found;
      try {
        const call = { operation: "lease", leaseKey } as const;
        return await findLease(machine, await ask(machine, place.operation, call, wait), leaseKey);
      } catch (error) {
        // It was told to end itself and does not answer any more: that is what its end looks like from here.
        const endedMs = await selfEnds.find(leaseKey);
        const isSilent = PlatformError.is(error) && error.kind === "unreachable";
        if (endedMs === undefined || !isSilent) throw error;
        return toLease(machine, { leaseKey, state: "ended", name: "", endedMs }, context);
      }
    },

    listLeases({ installation }, wait) {
      const read = async (machine: Machine, limit: Wait): Promise<readonly Lease[]> => {
        const report = await ask(machine, "listLeases", { operation: "state" }, limit);
        const all = report.leases.map((each) => toLease(machine, each, context, report.workFolder));
        return (await Promise.all(all)).filter(
          ({ state, ownership }) =>
            state !== "ended" &&
            (ownership === undefined || ownership.installation === installation),
        );
      };
      const place = { platform, operation: "listLeases" };
      return listEach(machines, { place, clock, nameOf: ({ name }) => name, read }, wait);
    },

    async releaseLease(leaseId, wait) {
      const place = { platform, operation: "releaseLease" };
      throwIfAborted(wait.signal, place);
      const found = findLeasedMachine(leaseId, machines, place);
      if (found === undefined) return { state: "released" };
      const { machine, leaseKey } = found;
      const command = machine.terms.selfEnd?.command;
      const call = omitUndefined({ operation: "release", leaseKey, command });
      const { leases, isEnding } = await ask(machine, place.operation, call, wait);
      if (isEnding) await selfEnds.note(leaseKey, clock.now());
      const state = leases.find((lease) => lease.leaseKey === leaseKey)?.state ?? "ended";
      // Given back is not ended: only the machine's user stops its bill, or the machine itself a moment from now.
      if (state === "ended") return { state: "released" };
      return isEnding ? { state: "releasing", againAfterMs: 5_000 } : { state: "releasing" };
    },

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

/** A lease of the contract from what its machine shows; access data is read afresh. */
async function toLease(
  machine: Machine,
  found: ReportedLease,
  context: AdapterContext,
  workFolder?: string,
): Promise<Lease> {
  const leaseId = `${machine.name}-${found.leaseKey}`;
  const ownFolder = workFolder === undefined ? undefined : `${workFolder}/gpujob`;
  const root = machine.host.root ?? ownFolder;
  const access = await accessOf(machine, context);
  return omitUndefined({
    leaseId,
    leaseKey: found.leaseKey,
    ownership: unpackOwnership(found.name),
    state: states[found.state],
    isBillable: found.state !== "ended",
    pricePerHour: machine.terms.perHour,
    startedAt: toIso(found.fromMs),
    endedAt: toIso(found.endedMs),
    reason: reasons[found.state],
    nodes: [omitUndefined({ nodeId: leaseId, rank: 0, access, root })],
  });
}

function toIso(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
