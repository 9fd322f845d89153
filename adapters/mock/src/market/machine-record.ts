import type { DatabaseSync } from "node:sqlite";
import type { OfferGpu } from "@gpujob/spec";
import type { MachineView } from "./market-api.ts";
import type { OfferTerms } from "./terms.ts";

/** A machine as the market's file keeps it. Times in epoch milliseconds. */
export interface MachineRecord {
  readonly leaseId: string;
  readonly platform: string;
  readonly token: string;
  readonly tags: Readonly<Record<string, string>>;
  /** As they were at create, the price with its reprice fault. */
  readonly terms: OfferTerms;
  readonly diskGib: number;
  readonly createdMs: number;
  readonly bootMs: number;
  readonly endsMs: number;
  /** After `upMs`. */
  readonly interruptAfterMs: number | null;
  readonly noticeMs: number | null;
  readonly dieAfterMs: number | null;
  readonly vanishAfterMs: number | null;
  readonly vanishMs: number | null;
  /** Cards that the machine shows in place of the offer's. */
  readonly shownGpu: OfferGpu | null;
  /** Which process keeps it; null until that has begun. See `process-identity.ts`. */
  readonly keeper: string | null;
  /** Set by the keeper; may lie ahead. */
  readonly upMs: number | null;
  readonly endedMs: number | null;
  readonly endReason: string | null;
  /** When the last of its processes was gone. */
  readonly cleanedMs: number | null;
  /** Set for a disk that outlives its machine: when it was removed, far ahead while it is still there. */
  readonly diskEndsMs: number | null;
}

const columns = `lease_id AS leaseId, platform, token, tags, terms, disk_gib AS diskGib,
  created_ms AS createdMs, boot_ms AS bootMs, ends_ms AS endsMs, interrupt_after_ms AS interruptAfterMs,
  notice_ms AS noticeMs, die_after_ms AS dieAfterMs, vanish_after_ms AS vanishAfterMs, vanish_ms AS vanishMs, shown_gpu AS shownGpu,
  keeper, up_ms AS upMs, ended_ms AS endedMs, end_reason AS endReason, cleaned_ms AS cleanedMs,
  disk_ends_ms AS diskEndsMs`;

/** Reads machines; `where` is SQL after WHERE with `?` for each of `values`. */
export function readMachines(
  database: DatabaseSync,
  where: string,
  values: readonly (string | number)[],
): readonly MachineRecord[] {
  const order = "ORDER BY created_ms, lease_id";
  const rows = database
    .prepare(`SELECT ${columns} FROM machines WHERE ${where} ${order}`)
    .all(...values);
  return rows.map(toRecord);
}

/** One machine, or `undefined`. */
export function readMachine(database: DatabaseSync, leaseId: string): MachineRecord | undefined {
  return readMachines(database, "lease_id = ?", [leaseId])[0];
}

function toRecord(row: Record<string, unknown>): MachineRecord {
  const { tags, terms, shownGpu } = row;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a STRICT table that only this package writes
  return {
    ...row,
    tags: JSON.parse(String(tags)),
    terms: JSON.parse(String(terms)),
    shownGpu: JSON.parse(String(shownGpu)),
  } as MachineRecord;
}

/** Why and when a machine ends by what is already decided, if that time has come. Pure. */
export function dueEnd(
  machine: MachineRecord,
  nowMs: number,
): { readonly atMs: number; readonly reason: string } | undefined {
  return plannedEnds(machine)
    .filter(({ atMs }) => atMs <= nowMs)
    .toSorted((one, other) => one.atMs - other.atMs)[0];
}

/** When something next happens to a machine by itself; `undefined`: nothing any more. */
export function nextEventMs(machine: MachineRecord): number | undefined {
  const times = plannedEnds(machine).map(({ atMs }) => atMs);
  return times.length === 0 ? undefined : Math.min(...times);
}

function plannedEnds(machine: MachineRecord): { atMs: number; reason: string }[] {
  if (machine.endedMs !== null) return [];
  const ends = [{ atMs: machine.endsMs, reason: "its end timer fired" }];
  const { upMs, dieAfterMs } = machine;
  if (upMs !== null && dieAfterMs !== null) {
    ends.push({ atMs: upMs + dieAfterMs, reason: "the machine died" });
  }
  const reclaimMs = reclaimTime(machine);
  if (reclaimMs !== undefined) ends.push({ atMs: reclaimMs, reason: "taken back by the platform" });
  return ends;
}

function reclaimTime(machine: MachineRecord): number | undefined {
  const { upMs, interruptAfterMs, noticeMs } = machine;
  if (upMs === null || interruptAfterMs === null) return undefined;
  return upMs + interruptAfterMs + (noticeMs ?? 0);
}

/** Is the machine kept out of reads and lists just now, or not yet made? */
export function isVanished(machine: MachineRecord, nowMs: number): boolean {
  const { upMs, vanishAfterMs, vanishMs, createdMs } = machine;
  if (createdMs > nowMs) return true;
  if (upMs === null || vanishAfterMs === null || vanishMs === null) return false;
  return nowMs >= upMs + vanishAfterMs && nowMs < upMs + vanishAfterMs + vanishMs;
}

/** Has the machine ended while its disk is still there and bills? */
export function isDiskLeft({ endedMs, diskEndsMs }: MachineRecord, nowMs: number): boolean {
  return endedMs !== null && diskEndsMs !== null && diskEndsMs > nowMs;
}

/** Since when time has cost money; `null`: not yet. */
export function billedFrom(machine: MachineRecord, nowMs: number): number | null {
  if (machine.terms.offer.price.billing.isBootBilled !== false) return machine.createdMs;
  const { upMs, endedMs } = machine;
  return upMs === null || upMs > (endedMs ?? nowMs) ? null : upMs;
}

/** What the API shows of a machine whose record is up to date. Pure. */
export function toView(machine: MachineRecord, nowMs: number): MachineView {
  return {
    leaseId: machine.leaseId,
    offerType: machine.terms.type,
    tags: machine.tags,
    state: stateOf(machine, nowMs),
    createdMs: machine.createdMs,
    billedFromMs: billedFrom(machine, nowMs),
    endedMs: machine.endedMs,
    isDiskLeft: isDiskLeft(machine, nowMs),
    endReason: machine.endReason,
    endsMs: machine.endsMs,
    pricePerHour: machine.terms.offer.price.perHour,
    notice: noticeOf(machine, nowMs),
  };
}

/** The machine as it was known at an earlier time: an end that came after it has not happened. Pure. */
export function asOf(machine: MachineRecord, thenMs: number): MachineRecord {
  const { endedMs, cleanedMs } = machine;
  return {
    ...machine,
    ...(endedMs !== null && endedMs > thenMs ? { endedMs: null, endReason: null } : {}),
    ...(cleanedMs !== null && cleanedMs > thenMs ? { cleanedMs: null } : {}),
  };
}

function stateOf(machine: MachineRecord, nowMs: number): MachineView["state"] {
  if (machine.cleanedMs !== null && !isDiskLeft(machine, nowMs)) return "ended";
  if (machine.endedMs !== null) return "ending";
  return machine.upMs !== null && machine.upMs <= nowMs ? "up" : "booting";
}

function noticeOf(machine: MachineRecord, nowMs: number): MachineView["notice"] {
  const endsMs = reclaimTime(machine);
  if (endsMs === undefined || machine.endedMs !== null) return null;
  const { noticeMs } = machine;
  if (noticeMs === null || noticeMs === 0 || endsMs - noticeMs > nowMs) return null;
  return { endsMs, reason: "The platform takes the machine back." };
}
