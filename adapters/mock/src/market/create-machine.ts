import type { DatabaseSync } from "node:sqlite";
import { readBalance } from "./balance.ts";
import type { CallFaults } from "./faults.ts";
import { countLease } from "./faults.ts";
import type { MachineRecord } from "./machine-record.ts";
import { readMachine, readMachines } from "./machine-record.ts";
import type { CreateMachine } from "./market-api.ts";
import { MarketError } from "./market-api.ts";
import type { MarketTerms, OfferTerms } from "./terms.ts";

/** Where a machine is made. */
export interface MarketPlace {
  readonly platform: string;
  readonly terms: MarketTerms;
  readonly now: () => number;
  /** 12 characters `[a-z0-9]`. */
  readonly newId: () => string;
}

/**
 * Makes a machine, or finds the one that this token made before. Within a transaction.
 *
 * @throws MarketError when there is no such offer, no money or none of it left, or when the token was used for another offer.
 */
export function insertMachine(
  database: DatabaseSync,
  place: MarketPlace,
  request: CreateMachine,
  faults: CallFaults,
): { readonly machine: MachineRecord; readonly isNew: boolean } {
  const { platform } = place;
  if (faults.isMismatch) throw mismatch("another request");
  const known = readMachines(database, "platform = ? AND token = ?", [platform, request.token])[0];
  if (known !== undefined) return { machine: checkSame(known, request, place.now()), isNew: false };
  const offer = findOffer(database, place, request.offerType);
  const leaseId = `m-${place.newId()}`;
  const counted = { platform, offerType: offer.type };
  const fate = countLease(database, counted, place.terms);
  const terms = reprice(offer, faults);
  database
    .prepare(
      `INSERT INTO machines (lease_id, platform, token, tags, terms, offer_type, disk_gib, created_ms, boot_ms, ends_ms,
         interrupt_after_ms, notice_ms, die_after_ms, vanish_after_ms, vanish_ms, shown_gpu)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      leaseId,
      platform,
      request.token,
      JSON.stringify(faults.isTagLost ? {} : request.tags),
      JSON.stringify(terms),
      offer.type,
      request.diskGib,
      place.now() + faults.lateMs,
      offer.bootMs + fate.extraBootMs,
      request.endsMs,
      fate.interruptAfterMs,
      fate.noticeMs,
      fate.dieAfterMs,
      fate.vanishAfterMs,
      fate.vanishMs,
      JSON.stringify(fate.shownGpu),
    );
  const machine = readMachine(database, leaseId);
  if (machine === undefined) throw new Error(`Machine ${leaseId} was written and cannot be read.`);
  return { machine, isNew: true };
}

/** Machines of a type that have not ended. */
export function countLive(database: DatabaseSync, platform: string, type: string): number {
  const where = "platform = ? AND offer_type = ? AND ended_ms IS NULL";
  return readMachines(database, where, [platform, type]).length;
}

function checkSame(machine: MachineRecord, request: CreateMachine, nowMs: number): MachineRecord {
  if (machine.terms.type !== request.offerType) {
    throw mismatch(`a machine of type ${machine.terms.type} before: ${machine.leaseId}`);
  }
  if (machine.createdMs > nowMs) throw inTheMaking();
  return machine;
}

function mismatch(what: string): MarketError {
  return new MarketError("TokenMismatch", `the token was used for ${what}`);
}

/** The answer while a machine is being made late: nobody can see it yet, and it will come. */
export function inTheMaking(): MarketError {
  return new MarketError("unavailable", "the request is still being worked on");
}

function findOffer(database: DatabaseSync, place: MarketPlace, type: string): OfferTerms {
  const offer = place.terms.offers.find((candidate) => candidate.type === type);
  if (offer === undefined) {
    throw new MarketError("NoSuchOffer", `there is no offer of type ${type} any more`);
  }
  if (readBalance(database, place).micros <= 0) {
    throw new MarketError("insufficient_funds", "nothing is left on the account");
  }
  const live = countLive(database, place.platform, type);
  if (offer.stock !== undefined && live >= offer.stock) {
    throw new MarketError("no_capacity", `no machine of type ${type} is left`);
  }
  return offer;
}

function reprice(terms: OfferTerms, { priceFactor, billFactor }: CallFaults): OfferTerms {
  const { price } = terms.offer;
  const { currency, micros } = price.perHour;
  const perHour = { currency, micros: Math.round(micros * priceFactor) };
  return {
    ...terms,
    offer: { ...terms.offer, price: { ...price, perHour } },
    ...(billFactor === 1 ? {} : { billFactor }),
  };
}
