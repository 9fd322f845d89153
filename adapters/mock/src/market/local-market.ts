import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { readBalance } from "./balance.ts";
import { chargeMachine } from "./billing.ts";
import { logCall } from "./calls.ts";
import type { MarketPlace } from "./create-machine.ts";
import { countLive, insertMachine, inTheMaking } from "./create-machine.ts";
import { inTransaction, openDatabase } from "./database.ts";
import type { CallFaults } from "./faults.ts";
import { countCall } from "./faults.ts";
import type { MachineRecord } from "./machine-record.ts";
import { asOf, isVanished, readMachine, readMachines, toView } from "./machine-record.ts";
import type { CreateMachine, MachineView, MarketApi } from "./market-api.ts";
import { MarketError } from "./market-api.ts";
import { markEnded } from "./settle.ts";
import { SpoiledAnswer } from "./spoiled-answer.ts";
import type { KeepingOptions } from "./sweep.ts";
import { startKeeper, sweep, wakeKeeper } from "./sweep.ts";
import type { CallName } from "./terms.ts";

/** What a market in a local file is made from. */
export interface LocalMarketOptions extends KeepingOptions, MarketPlace {}

/** A call that has been counted, and what is to go wrong in it. */
interface Call {
  readonly name: CallName;
  readonly leaseId?: string;
  readonly faults: CallFaults;
}

/** Opens the market in a folder; the file is made at the first call. Any number of processes may do so. */
export function openLocalMarket(options: LocalMarketOptions): MarketApi {
  const { folder, platform, terms, now } = options;
  let opened: DatabaseSync | undefined;
  const database = (): DatabaseSync => (opened ??= openDatabase(folder));

  async function begin(name: CallName, about: { leaseId?: string; offerType?: string } = {}) {
    await sweep(database(), options);
    const faults = inTransaction(database(), () => {
      const counted = { platform, name, ...pickType(database(), about) };
      const found = countCall(database(), counted, terms);
      logCall(database(), { platform, name, leaseId: about.leaseId, faults: found, atMs: now() });
      return found;
    });
    const { error } = faults;
    if (error !== undefined) {
      const sentence = `the market refused ${name}, as its faults say`;
      throw new MarketError(error.kind, sentence, error.retryAfterMs);
    }
    const { spoiled } = faults;
    if (spoiled?.do === "status" && !spoiled.isDone) {
      throw new SpoiledAnswer(name, spoiled, undefined);
    }
    return { name, faults, ...(about.leaseId === undefined ? {} : { leaseId: about.leaseId }) };
  }

  function view(machine: MachineRecord, staleMs = 0): MachineView {
    return toView(asOf(machine, now() - staleMs), now());
  }

  /** Machines come into view with the age that the call asks for. */
  function isShown(machine: MachineRecord, { lagMs, staleMs }: CallFaults): boolean {
    return machine.createdMs + Math.max(lagMs, staleMs) <= now() && !isVanished(machine, now());
  }

  function own(leaseId: string): MachineRecord | undefined {
    const machine = readMachine(database(), leaseId);
    return machine?.platform === platform ? machine : undefined;
  }

  return {
    async listOffers(wait) {
      const call = await begin("offers");
      const offers = terms.offers.map(({ type, offer, stock: all }) => ({
        offer,
        stock: all === undefined ? null : Math.max(0, all - countLive(database(), platform, type)),
      }));
      return answer(call, offers, wait);
    },
    async create(request: CreateMachine, wait) {
      const call = await begin("create", { offerType: request.offerType });
      wait.signal.throwIfAborted();
      const make = () =>
        inTransaction(database(), () => insertMachine(database(), options, request, call.faults));
      const { machine, isNew } = make();
      if (isNew) startKeeper(database(), options, machine.leaseId);
      if (call.faults.isTwice) make();
      if (call.faults.lateMs > 0) throw inTheMaking();
      return answer(call, view(machine), wait);
    },
    async describe(leaseId, wait) {
      const call = await begin("get", { leaseId });
      const machine = own(leaseId);
      const { faults } = call;
      const isFound = machine !== undefined && isShown(machine, faults) && !faults.isAbsent;
      return answer(call, isFound ? view(machine, faults.staleMs) : undefined, wait);
    },
    async list(wait) {
      const call = await begin("list");
      const { staleMs, isTwice } = call.faults;
      const open = "platform = ? AND (cleaned_ms IS NULL OR cleaned_ms > ? OR disk_ends_ms > ?)";
      const shown = readMachines(database(), open, [platform, now() - staleMs, now()])
        .filter((machine) => isShown(machine, call.faults))
        .map((machine) => view(machine, staleMs));
      return answer(call, isTwice ? [...shown, ...shown] : shown, wait);
    },
    async terminate(leaseId, wait) {
      const call = await begin("release", { leaseId });
      const machine = own(leaseId);
      const { isIgnored, isAbsent, isDiskLeft } = call.faults;
      if (machine === undefined || isAbsent) return answer(call, "absent", wait);
      if (!isIgnored) end(database(), machine, { nowMs: now(), isDiskLeft });
      return answer(call, "accepted", wait);
    },
    async setEnd(leaseId, endsMs, wait) {
      const call = await begin("extend", { leaseId });
      const machine = own(leaseId);
      if (machine === undefined || machine.endedMs !== null) {
        const why = machine?.endReason ?? "no such machine";
        throw new MarketError("lease_failed", `machine ${leaseId} has no end to move: ${why}`);
      }
      if (!call.faults.isIgnored) moveEnd(database(), machine, endsMs);
      return answer(call, undefined, wait);
    },
    async readCharges(leaseId) {
      await sweep(database(), options);
      const machine = own(leaseId);
      return machine === undefined ? [] : chargeMachine(machine, now()).charges;
    },
    async readBalance() {
      await sweep(database(), options);
      return readBalance(database(), options);
    },
    close() {
      opened?.close();
      opened = undefined;
    },
  };
}

async function answer<T>(call: Call, result: T, { signal }: { signal: AbortSignal }): Promise<T> {
  if (call.faults.delayMs > 0) await sleep(call.faults.delayMs, undefined, { signal });
  const { spoiled } = call.faults;
  if (spoiled !== undefined) throw new SpoiledAnswer(call.name, spoiled, result);
  return result;
}

/** Somewhere in the year 5138: still there. */
const stillThereMs = 100_000_000_000_000;

/** Ends the machine, or the disk that outlived it. */
function end(
  database: DatabaseSync,
  machine: MachineRecord,
  { nowMs, isDiskLeft }: { readonly nowMs: number; readonly isDiskLeft: boolean },
): void {
  if (isDiskLeft ? machine.endedMs === null : machine.diskEndsMs === stillThereMs)
    database
      .prepare("UPDATE machines SET disk_ends_ms = ? WHERE lease_id = ?")
      .run(isDiskLeft ? stillThereMs : nowMs, machine.leaseId);
  markEnded(database, machine.leaseId, { atMs: nowMs, reason: "released" });
  wakeKeeper(machine);
}

function moveEnd(database: DatabaseSync, machine: MachineRecord, endsMs: number): void {
  database
    .prepare("UPDATE machines SET ends_ms = ? WHERE lease_id = ?")
    .run(endsMs, machine.leaseId);
  wakeKeeper(machine);
}

function pickType(
  database: DatabaseSync,
  { leaseId, offerType }: { leaseId?: string; offerType?: string },
): { offerType?: string } {
  const type = offerType ?? (leaseId && readMachine(database, leaseId)?.terms.type);
  return type === undefined || type === "" ? {} : { offerType: type };
}
