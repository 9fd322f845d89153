import type { Money, Offer, OfferGpu, PlatformErrorKind } from "@gpujob/spec";

/** One kind of machine the market rents out. */
export interface OfferTerms {
  /** Unique within the platform; also the offer's id. */
  readonly type: string;
  /** What is shown of it, less what changes by the minute. */
  readonly offer: Omit<Offer, "platform" | "availability" | "observedAt">;
  /** Machines that can be rented at once; absent: no end of them. */
  readonly stock?: number;
  /** From create until the machine is up, in milliseconds. */
  readonly bootMs: number;
  /** What is billed for compute is so many times what its price makes; absent: once. */
  readonly billFactor?: number;
}

/** The calls of the market's API. Each is counted per platform, for `nth`. */
export type CallName = "offers" | "create" | "get" | "list" | "release" | "extend";

/** Which of the calls or machines a fault concerns. */
export interface FaultSelection {
  /** Counted from 1 over the platform's calls (or leases) that the fault could concern; absent: every one. */
  readonly nth?: number | readonly number[];
  /** Strikes by chance, with this probability; the same calls again for the same seed. */
  readonly rate?: number;
  /** Only calls or leases of this offer type. */
  readonly offer?: string;
}

/** Something that goes wrong in one call. */
export type CallFault = FaultSelection & { readonly on: CallName } & (
    | { readonly do: "error"; readonly kind: PlatformErrorKind; readonly retryAfterMs?: number }
    | { readonly do: "delay"; readonly byMs: number }
    | { readonly do: "ignore" }
    | { readonly do: "lag"; readonly byMs: number }
    | { readonly do: "reprice"; readonly factor: number }
    /** Says one price and bills so many times as much. */
    | { readonly do: "overbill"; readonly factor: number }
    | { readonly do: "lose-tag" }
    | SpoiledAnswerFault
    | { readonly do: "twice" }
    | { readonly do: "stale"; readonly byMs: number }
    | { readonly do: "absent" }
    | { readonly do: "late"; readonly byMs: number }
    | { readonly do: "mismatch" }
    /** The machine ends and its disk stays, billed as before, until a release finds it. */
    | { readonly do: "leave-disk" }
  );

/** What becomes of an answer on its way. Real on the wire of a served market; elsewhere told as the error it would be. */
export type SpoiledAnswerFault =
  | { readonly do: "lose-reply" }
  /** The answer of a gateway or an overloaded server, before the call has its effect or after. */
  | {
      readonly do: "status";
      readonly status: number;
      readonly body: "json" | "html" | "empty";
      readonly retryAfterMs?: number;
      readonly retryAfterAs: "seconds" | "date";
      readonly isDone: boolean;
    }
  /** A good status with something else than the answer; the call has had its effect. */
  | {
      readonly do: "junk";
      readonly as: "html" | "empty" | "cut" | "wrong-type" | "huge" | "refusal";
    }
  /** The connection breaks in the middle of the answer. */
  | { readonly do: "break" }
  /** The answer comes byte by byte, over so long. */
  | { readonly do: "trickle"; readonly byMs: number };

/** Something that happens to a machine; decided when it is created. Times count from when it is up. */
export type LeaseFault = FaultSelection & { readonly on: "lease" } & (
    | { readonly do: "interrupt"; readonly afterMs: number; readonly noticeMs: number }
    | { readonly do: "die"; readonly afterMs: number }
    | { readonly do: "vanish"; readonly afterMs: number; readonly byMs: number }
    | { readonly do: "delay"; readonly byMs: number }
    | { readonly do: "wrong-gpu"; readonly gpu: OfferGpu }
  );

export type Fault = CallFault | LeaseFault;

/** What a platform of the market is made of. */
export interface MarketTerms {
  readonly offers: readonly OfferTerms[];
  readonly faults: readonly Fault[];
  /** For faults with a `rate`. @default 1 */
  readonly seed?: number;
  /** What the account held before its first machine. */
  readonly balance: Money;
}
