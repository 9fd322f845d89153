import type { DatabaseSync } from "node:sqlite";
import type { OfferGpu, PlatformErrorKind } from "@gpujob/spec";
import type { CallFault, CallName, Fault, LeaseFault } from "./terms.ts";

/** What the faults of one call come to. */
export interface CallFaults {
  readonly error?: { readonly kind: PlatformErrorKind; readonly retryAfterMs?: number };
  readonly isReplyLost: boolean;
  readonly isIgnored: boolean;
  readonly isTagLost: boolean;
  readonly delayMs: number;
  readonly lagMs: number;
  readonly priceFactor: number;
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

/** Counts a call and says what is to go wrong in it. Within a transaction. */
export function countCall(
  database: DatabaseSync,
  counted: Counted & { readonly name: CallName },
  faults: readonly Fault[],
): CallFaults {
  const hits = findHits(database, counted, faults).filter((fault) => fault.on !== "lease");
  const error = pick(hits, "error")[0];
  return {
    ...(error === undefined ? {} : { error: toError(error) }),
    isReplyLost: pick(hits, "lose-reply").length > 0,
    isIgnored: pick(hits, "ignore").length > 0,
    isTagLost: pick(hits, "lose-tag").length > 0,
    delayMs: sum(pick(hits, "delay").map(({ byMs }) => byMs)),
    lagMs: Math.max(0, ...pick(hits, "lag").map(({ byMs }) => byMs)),
    priceFactor: pick(hits, "reprice").reduce((product, { factor }) => product * factor, 1),
    names: hits.map((fault) => fault.do).join(","),
  };
}

/** Counts a new machine and says what is to happen to it. Within a transaction. */
export function countLease(
  database: DatabaseSync,
  counted: { readonly platform: string; readonly offerType: string },
  faults: readonly Fault[],
): LeaseFaults {
  const hits = findHits(database, { ...counted, name: "lease" }, faults).filter(
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
  faults: readonly Fault[],
): readonly Fault[] {
  const all = increment(database, platform, name);
  const ofType =
    offerType === undefined ? 0 : increment(database, platform, `${name}:${offerType}`);
  return faults.filter((fault) => {
    if (fault.on !== name) return false;
    if (fault.offer !== undefined && fault.offer !== offerType) return false;
    const count = fault.offer === undefined ? all : ofType;
    return fault.nth === undefined || fault.nth === count;
  });
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

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
