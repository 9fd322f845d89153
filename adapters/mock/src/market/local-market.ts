import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { readBalance } from "./balance.ts";
import { chargeMachine } from "./billing.ts";
import { logCall } from "./calls.ts";
import type { MarketPlace } from "./create-machine.ts";
import { countLive, insertMachine } from "./create-machine.ts";
import { inTransaction, openDatabase } from "./database.ts";
import type { CallFaults } from "./faults.ts";
import { countCall } from "./faults.ts";
import type { MachineRecord } from "./machine-record.ts";
import { isVanished, readMachine, readMachines, toView } from "./machine-record.ts";
import type { CreateMachine, MachineView, MarketApi } from "./market-api.ts";
import { MarketError } from "./market-api.ts";
import { markEnded, settleMachines } from "./settle.ts";
import type { KeepingOptions } from "./sweep.ts";
import { startKeeper, sweep, wakeKeeper } from "./sweep.ts";
import type { CallName } from "./terms.ts";

/** What a market in a local file is made from. */
export interface LocalMarketOptions extends KeepingOptions, MarketPlace {}

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

function pickType(
  database: DatabaseSync,
  { leaseId, offerType }: { leaseId?: string; offerType?: string },
): { offerType?: string } {
  const type = offerType ?? (leaseId && readMachine(database, leaseId)?.terms.type);
  return type === undefined || type === "" ? {} : { offerType: type };
}
