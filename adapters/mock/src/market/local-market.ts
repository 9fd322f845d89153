import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type { Money } from "@gpujob/spec";
import { machineFolder, removeMachineFolder } from "../machine/machine-folder.ts";
import { isAlive, pidOf } from "../machine/process-identity.ts";
import { killProcesses, sendSignal } from "../machine/processes.ts";
import { chargeMachine } from "./billing.ts";
import { logCall } from "./calls.ts";
import { insertMachine } from "./create-machine.ts";
import { inTransaction, openDatabase } from "./database.ts";
import type { CallFaults } from "./faults.ts";
import { countCall } from "./faults.ts";
import type { MachineRecord } from "./machine-record.ts";
import { isVanished, readMachine, readMachines, toView } from "./machine-record.ts";
import type { CreateMachine, MachineView, MarketApi } from "./market-api.ts";
import { MarketError } from "./market-api.ts";
import { markCleaned, markEnded, settleMachines } from "./settle.ts";
import type { CallName, MarketTerms } from "./terms.ts";

/** What a market in a local file is made from. */
export interface LocalMarketOptions {
  readonly folder: string;
  readonly platform: string;
  readonly terms: MarketTerms;
  /** Real time: keepers are processes of their own, and no simulated clock reaches them. */
  readonly now: () => number;
  /** 12 characters `[a-z0-9]`. */
  readonly newId: () => string;
  /** Starts a machine's keeper process; calls back when that cannot be done. */
  readonly startKeeper: (leaseId: string, onFailure: (reason: string) => void) => void;
}

/** The market's own side: everything `MarketApi` has, and what only its own computer can tell. */
export interface LocalMarket extends MarketApi {
  /** Can processes run on this machine now? No call of the API: neither counted nor faulty. */
  isUp(leaseId: string): boolean;
}

/** A call that has been counted, and what is to go wrong in it. */
interface Call {
  readonly name: CallName;
  readonly leaseId?: string;
  readonly faults: CallFaults;
}

/** After so long without its keeper, a machine's keeper is started again: whoever made it was killed in between. */
const keeperPatienceMs = 5_000;

/** Opens the market in a folder; the file is made at the first call. Any number of processes may do so. */
export function openLocalMarket(options: LocalMarketOptions): LocalMarket {
  const { folder, platform, terms, now } = options;
  let opened: DatabaseSync | undefined;
  const database = (): DatabaseSync => (opened ??= openDatabase(folder));

  async function begin(name: CallName, about: { leaseId?: string; offerType?: string } = {}) {
    await sweep(database(), options);
    const faults = inTransaction(database(), () => {
      const counted = { platform, name, ...pickType(database(), about) };
      const found = countCall(database(), counted, terms.faults);
      logCall(database(), { platform, name, leaseId: about.leaseId, faults: found, atMs: now() });
      return found;
    });
    const { error } = faults;
    if (error !== undefined) {
      const sentence = `the market refused ${name}, as its faults say`;
      throw new MarketError(error.kind, sentence, error.retryAfterMs);
    }
    return { name, faults, ...(about.leaseId === undefined ? {} : { leaseId: about.leaseId }) };
  }

  function view(machine: MachineRecord): MachineView {
    return toView(machine, now());
  }

  function own(leaseId: string): MachineRecord | undefined {
    const machine = readMachine(database(), leaseId);
    return machine?.platform === platform ? machine : undefined;
  }

  return {
    async readStock(wait) {
      const call = await begin("offers");
      const stock = terms.offers.map(({ type, stock: all }) => [
        type,
        all === undefined ? null : Math.max(0, all - countLive(database(), platform, type)),
      ]);
      return answer(call, Object.fromEntries(stock), wait);
    },
    async create(request: CreateMachine, wait) {
      const call = await begin("create", { offerType: request.offerType });
      wait.signal.throwIfAborted();
      const { machine, isNew } = inTransaction(database(), () =>
        insertMachine(database(), options, request, call.faults),
      );
      if (isNew) startKeeper(database(), options, machine.leaseId);
      return answer(call, view(machine), wait);
    },
    async describe(leaseId, wait) {
      const call = await begin("get", { leaseId });
      const machine = own(leaseId);
      const isShown = machine !== undefined && !isVanished(machine, now());
      return answer(call, isShown ? view(machine) : undefined, wait);
    },
    async list(wait) {
      const call = await begin("list");
      const machines = readMachines(database(), "platform = ? AND cleaned_ms IS NULL", [platform]);
      const shown = machines.filter(
        (machine) => machine.createdMs + call.faults.lagMs <= now() && !isVanished(machine, now()),
      );
      return answer(call, shown.map(view), wait);
    },
    async terminate(leaseId, wait) {
      const call = await begin("release", { leaseId });
      const machine = own(leaseId);
      if (machine !== undefined && !call.faults.isIgnored) end(database(), machine, now());
      return answer(call, undefined, wait);
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
    isUp(leaseId) {
      settleMachines(database(), now());
      const machine = own(leaseId);
      return machine !== undefined && view(machine).state === "up";
    },
    close() {
      opened?.close();
      opened = undefined;
    },
  };
}

async function answer<T>(call: Call, result: T, { signal }: { signal: AbortSignal }): Promise<T> {
  if (call.faults.delayMs > 0) await sleep(call.faults.delayMs, undefined, { signal });
  if (call.faults.isReplyLost) {
    throw new MarketError("outcome_unknown", `the answer to ${call.name} did not arrive`);
  }
  return result;
}

/** Brings the market up to date: ends what is due, cleans up after killed keepers, starts missing ones. */
async function sweep(database: DatabaseSync, options: LocalMarketOptions): Promise<void> {
  settleMachines(database, options.now());
  for (const machine of readMachines(database, "cleaned_ms IS NULL", [])) {
    if (machine.keeper !== null && isAlive(machine.keeper)) continue;
    if (machine.endedMs !== null) await cleanUp(database, options, machine);
    else if (options.now() - machine.createdMs > keeperPatienceMs) {
      startKeeper(database, options, machine.leaseId);
    }
  }
}

async function cleanUp(
  database: DatabaseSync,
  { folder, now }: LocalMarketOptions,
  { leaseId }: MachineRecord,
): Promise<void> {
  const place = machineFolder(folder, leaseId);
  if (!(await killProcesses(leaseId, place, { timeoutMs: 2_000 }))) return;
  removeMachineFolder(place);
  markCleaned(database, leaseId, now());
}

function startKeeper(
  database: DatabaseSync,
  { startKeeper: start, now }: LocalMarketOptions,
  leaseId: string,
): void {
  const fail = (reason: string): void => {
    if (database.isOpen) markEnded(database, leaseId, { atMs: now(), reason });
  };
  try {
    start(leaseId, fail);
  } catch (error) {
    const reason = `its keeper did not start: ${error instanceof Error ? error.message : String(error)}`;
    fail(reason);
    throw new MarketError("lease_failed", `machine ${leaseId} ended at once: ${reason}`);
  }
}

function end(database: DatabaseSync, machine: MachineRecord, nowMs: number): void {
  markEnded(database, machine.leaseId, { atMs: nowMs, reason: "released" });
  wakeKeeper(machine);
}

function moveEnd(database: DatabaseSync, machine: MachineRecord, endsMs: number): void {
  database
    .prepare("UPDATE machines SET ends_ms = ? WHERE lease_id = ?")
    .run(endsMs, machine.leaseId);
  wakeKeeper(machine);
}

/** Only to save the keeper's second of sleep: it looks by itself too. */
function wakeKeeper({ keeper }: MachineRecord): void {
  if (keeper !== null && isAlive(keeper)) sendSignal(pidOf(keeper), "SIGUSR2");
}

function countLive(database: DatabaseSync, platform: string, type: string): number {
  const where = "platform = ? AND offer_type = ? AND ended_ms IS NULL";
  return readMachines(database, where, [platform, type]).length;
}

function readBalance(database: DatabaseSync, options: LocalMarketOptions): Money {
  const { currency, micros } = options.terms.balance;
  const spent = readMachines(database, "platform = ?", [options.platform])
    .flatMap((machine) => chargeMachine(machine, options.now()).charges)
    .filter(({ amount }) => amount.currency === currency)
    .reduce((total, { amount }) => total + amount.micros, 0);
  return { currency, micros: micros - spent };
}

function pickType(
  database: DatabaseSync,
  { leaseId, offerType }: { leaseId?: string; offerType?: string },
): { offerType?: string } {
  const type = offerType ?? (leaseId && readMachine(database, leaseId)?.terms.type);
  return type === undefined || type === "" ? {} : { offerType: type };
}
