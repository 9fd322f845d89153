import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { OfferGpu, PlatformErrorKind } from "@gpujob/spec";
import { readAddedFaults } from "./added-faults.ts";
import type {
  CallFault,
  CallName,
  Fault,
  LeaseFault,
  MarketTerms,
  SpoiledAnswerFault,
} from "./terms.ts";

/** What the faults of one call come to. */
export interface CallFaults {
  readonly error?: { readonly kind: PlatformErrorKind; readonly retryAfterMs?: number };
  /** What becomes of the answer on its way. */
  readonly spoiled?: SpoiledAnswerFault;
  readonly isTwice: boolean;
  /** Says that there is no such machine. */
  readonly isAbsent: boolean;
  /** Says that the token was used for another request. */
  readonly isMismatch: boolean;
  readonly isIgnored: boolean;
  readonly isTagLost: boolean;
  /** The machine's disk outlives it. */
  readonly isDiskLeft: boolean;
  readonly delayMs: number;
  readonly lagMs: number;
  /** What is shown is so old. */
  readonly staleMs: number;
  /** The machine is made so much later, and the call fails. */
  readonly lateMs: number;
  readonly priceFactor: number;
  /** Of the bill alone; the price is told as it was offered. */
  readonly billFactor: number;
  /** For the log of calls; empty: none. */
  readonly names: string;
}

/** What the faults of one machine come to; see `MachineRecord`. */
export interface LeaseFaults {
  readonly interruptAfterMs: number | null;
  readonly noticeMs: number | null;
  readonly dieAfterMs: number | null;
  readonly vanishAfterMs: number | null;
  readonly vanishMs: number | null;
  readonly shownGpu: OfferGpu | null;
  readonly extraBootMs: number;
}

/** A call or a new machine that is being counted. */
export interface Counted {
  readonly platform: string;
  readonly name: CallName | "lease";
  readonly offerType?: string;
}

/** Where faults come from, beside those that were added to the market itself. */
export type FaultTerms = Pick<MarketTerms, "faults" | "seed">;

/** Of several that strike one answer, the first of these counts. */
const spoiledKinds = ["lose-reply", "status", "junk", "break", "trickle"] as const;

/** Counts a call and says what is to go wrong in it. Within a transaction. */
export function countCall(
  database: DatabaseSync,
  counted: Counted & { readonly name: CallName },
  terms: FaultTerms,
): CallFaults {
  const hits = findHits(database, counted, terms).filter((fault) => fault.on !== "lease");
  const error = pick(hits, "error")[0];
  const spoiled = spoiledKinds.flatMap((kind): readonly SpoiledAnswerFault[] => pick(hits, kind));
  return {
    ...(error === undefined ? {} : { error: toError(error) }),
    ...(spoiled[0] === undefined ? {} : { spoiled: spoiled[0] }),
    isTwice: pick(hits, "twice").length > 0,
    isAbsent: pick(hits, "absent").length > 0,
    isMismatch: pick(hits, "mismatch").length > 0,
    isIgnored: pick(hits, "ignore").length > 0,
    isTagLost: pick(hits, "lose-tag").length > 0,
    isDiskLeft: pick(hits, "leave-disk").length > 0,
    delayMs: sum(pick(hits, "delay").map(({ byMs }) => byMs)),
    lagMs: Math.max(0, ...pick(hits, "lag").map(({ byMs }) => byMs)),
    staleMs: Math.max(0, ...pick(hits, "stale").map(({ byMs }) => byMs)),
    lateMs: Math.max(0, ...pick(hits, "late").map(({ byMs }) => byMs)),
    priceFactor: multiply(pick(hits, "reprice")),
    billFactor: multiply(pick(hits, "overbill")),
    names: hits.map((fault) => fault.do).join(","),
  };
}

/** Counts a new machine and says what is to happen to it. Within a transaction. */
export function countLease(
  database: DatabaseSync,
  counted: { readonly platform: string; readonly offerType: string },
  terms: FaultTerms,
): LeaseFaults {
  const hits = findHits(database, { ...counted, name: "lease" }, terms).filter(
    (fault) => fault.on === "lease",
  );
  const interrupt = earliest(pickLease(hits, "interrupt"));
  const death = earliest(pickLease(hits, "die"));
  const vanish = earliest(pickLease(hits, "vanish"));
  return {
    interruptAfterMs: interrupt?.afterMs ?? null,
    noticeMs: interrupt?.noticeMs ?? null,
    dieAfterMs: death?.afterMs ?? null,
    vanishAfterMs: vanish?.afterMs ?? null,
    vanishMs: vanish?.byMs ?? null,
    shownGpu: pickLease(hits, "wrong-gpu")[0]?.gpu ?? null,
    extraBootMs: sum(pickLease(hits, "delay").map(({ byMs }) => byMs)),
  };
}

function findHits(
  database: DatabaseSync,
  { platform, name, offerType }: Counted,
  { faults, seed = 1 }: FaultTerms,
): readonly Fault[] {
  const all = increment(database, platform, name);
  const ofType =
    offerType === undefined ? 0 : increment(database, platform, `${name}:${offerType}`);
  const known = [...faults, ...readAddedFaults(database, platform)];
  return known.filter((fault, index) => {
    if (fault.on !== name) return false;
    if (fault.offer !== undefined && fault.offer !== offerType) return false;
    const count = fault.offer === undefined ? all : ofType;
    const isNth = fault.nth === undefined || [fault.nth].flat().includes(count);
    if (fault.rate === undefined || !isNth) return isNth;
    return chanceOf(`${seed} ${platform} ${index} ${name} ${count}`) < fault.rate;
  });
}

/** From 0 to 1, the same for the same words: what strikes by chance must strike again when a test is repeated. */
function chanceOf(words: string): number {
  return createHash("sha256").update(words).digest().readUInt32BE() / 2 ** 32;
}

function increment(database: DatabaseSync, platform: string, name: string): number {
  const row = database
    .prepare(
      `INSERT INTO counters (platform, name, count) VALUES (?, ?, 1)
       ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count`,
    )
    .get(platform, name);
  return Number(row?.["count"]);
}

function pick<Kind extends CallFault["do"]>(
  faults: readonly CallFault[],
  kind: Kind,
): Extract<CallFault, { do: Kind }>[] {
  return faults.filter((fault): fault is Extract<CallFault, { do: Kind }> => fault.do === kind);
}

function pickLease<Kind extends LeaseFault["do"]>(
  faults: readonly LeaseFault[],
  kind: Kind,
): Extract<LeaseFault, { do: Kind }>[] {
  return faults.filter((fault): fault is Extract<LeaseFault, { do: Kind }> => fault.do === kind);
}

function toError(fault: Extract<CallFault, { do: "error" }>): NonNullable<CallFaults["error"]> {
  const { kind, retryAfterMs } = fault;
  return retryAfterMs === undefined ? { kind } : { kind, retryAfterMs };
}

function earliest<Timed extends { readonly afterMs: number }>(
  faults: readonly Timed[],
): Timed | undefined {
  return faults.toSorted((one, other) => one.afterMs - other.afterMs)[0];
}

function multiply(faults: readonly { readonly factor: number }[]): number {
  return faults.reduce((product, { factor }) => product * factor, 1);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
