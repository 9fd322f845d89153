import type { NoOffer } from "@gpujob/scheduler";
import type { Failure, HostExit, HostProbe, Money, PlanMissing, PlanRejection } from "@gpujob/spec";
import type { Candidate, CheckpointRecord, Fence } from "./context.ts";

/** One question to the platform about a lease and its answer; lines of the receipt. */
export interface Look {
  readonly at: number;
  readonly what: "create" | "get" | "list" | "release" | "host";
  readonly answer: string;
}

interface At {
  /** Epoch milliseconds at which the driver wrote it. */
  readonly at: number;
}

interface OfAttempt extends At {
  readonly attempt: number;
}

interface OfMember extends OfAttempt {
  readonly member: number;
}

/** Everything that can happen to a run, as the journal keeps it. Noun-verb; carries no secret and no access data. */
export type RunEvent =
  | (At & { readonly type: "run-submitted" })
  | (At & {
      readonly type: "plan-made";
      readonly candidates: readonly Candidate[];
      readonly missing: readonly PlanMissing[];
      /** Why others did not fit, those that miss alike together; the most first, and not all of them. */
      readonly rejected?: readonly PlanRejection[];
      /** Why nothing fits, and what to relax; absent when something does. */
      readonly explanation?: NoOffer;
      /** How long was waited until there was stock. */
      readonly waitedMs?: number;
      /** When there may be something new, for a run that waits for stock. */
      readonly againAfterMs?: number;
      /** Only cards with more memory than this were looked for, in GiB, because that of the last one ran out. */
      readonly aboveGib?: number;
    })
  | (OfMember & {
      readonly type: "lease-created";
      readonly leaseId: string;
      readonly pricePerHour?: Money;
      readonly billedFrom?: number;
      /** Longer than this such machines boot only once in twenty times, in milliseconds; absent: not known. */
      readonly usualBootMs?: number;
    })
  | (OfMember & {
      readonly type: "lease-refused";
      readonly failure: Failure;
      /** The sweep must look for the key until then, although nothing was seen. */
      readonly watchUntil?: number;
    })
  | (OfMember & { readonly type: "lease-unclear"; readonly failure: Failure })
  /** The platform tells the price only now. */
  | (OfMember & { readonly type: "lease-priced"; readonly pricePerHour: Money })
  | (OfMember & {
      readonly type: "node-ready";
      readonly bootId: string;
      readonly machineId: string;
      readonly billedFrom?: number;
      /** From the create until now, in milliseconds, where one driver saw all of it. */
      readonly bootMs?: number;
      readonly warnings: readonly string[];
      /** What it was measured to do, where the job asked for that. */
      readonly probe?: HostProbe;
    })
  | (OfMember & {
      readonly type: "node-failed";
      readonly failure: Failure;
      /** It billed although it never became ready. */
      readonly billedFrom?: number;
    })
  | (OfMember & {
      readonly type: "host-prepared";
      readonly sentBytes: number;
      readonly totalBytes: number;
      /** How long sending took, in milliseconds. Absent in old journals. */
      readonly sentMs?: number;
      readonly tether: { readonly kind: "short" | "long"; readonly lengthMs: number };
      readonly isResumed: boolean;
    })
  | (OfMember & { readonly type: "prepare-failed"; readonly failure: Failure })
  | (OfMember & {
      readonly type: "job-started";
      /** Was a checkpoint in place? It may have come home after the preparation. Absent in old journals. */
      readonly isResumed?: boolean;
    })
  | (OfMember & { readonly type: "node-set-up" })
  | (OfMember & {
      readonly type: "job-exited";
      readonly exit: HostExit;
      readonly logBytes: number;
      /** The last text in its log about a card whose memory ran out. */
      readonly memoryText?: string;
    })
  | (OfMember & {
      readonly type: "host-silent";
      readonly lastBeatAt: number;
      /** Driver time at which the short tether has surely run out, margin included. */
      readonly tetherEndsAt?: number;
      /** Was a checkpoint confirmed recently enough that little would be lost? */
      readonly isCheckpointFresh: boolean;
    })
  | (OfMember & { readonly type: "host-heard"; readonly isFrozen: boolean })
  | (OfMember & { readonly type: "host-lost"; readonly fence: Fence; readonly failure: Failure })
  | (OfMember & {
      readonly type: "interruption-noticed";
      readonly endsAt?: number;
      readonly reason: string;
      /** Asked for by the user: the machine is as good as before and may be taken again. */
      readonly isDrill?: true;
    })
  | (OfAttempt & {
      readonly type: "checkpoint-saved";
      readonly checkpoint: CheckpointRecord;
      readonly skipped: number;
      /** The first of those that were skipped, each with the reason. */
      readonly leftOut?: readonly string[];
    })
  /** There is something to save, and none of it can be. */
  | (OfAttempt & {
      readonly type: "checkpoint-missed";
      readonly skipped: number;
      readonly leftOut: readonly string[];
    })
  | (OfAttempt & {
      readonly type: "outputs-collected";
      readonly files: readonly string[];
      /** By member; absent in old journals, and where nobody counted. */
      readonly bytes?: readonly number[];
      readonly skipped: number;
    })
  | (OfAttempt & { readonly type: "collect-failed"; readonly failure: Failure })
  | (OfMember & {
      readonly type: "lease-released";
      /** Where it was not known before. */
      readonly billedFrom?: number;
      readonly billedTo?: number;
      readonly pricePerHour?: Money;
      /** `gone` by the platform's word, `never` when nothing was ever there. */
      readonly state: "gone" | "never";
      readonly looks: readonly Look[];
    })
  | (OfMember & { readonly type: "release-unconfirmed"; readonly failure: Failure })
  /** Only where no API ends the bill: our part is done, or cannot be, with the failure. */
  | (OfMember & {
      readonly type: "lease-given-back";
      readonly failure?: Failure;
      /** The machine itself has said that no job of this attempt runs, or ever will. */
      readonly isJobEnded?: true;
    })
  | (At & {
      readonly type: "timer-fired";
      readonly timer: TimerName;
      readonly attempt?: number;
      readonly member?: number;
    })
  | (At & {
      readonly type: "stop-wished";
      readonly reason: "cancelled" | "terminated";
      readonly isNow: boolean;
    })
  | (At & { readonly type: "keep-ended" })
  /** A kept machine goes over to another run. */
  | (OfAttempt & { readonly type: "lease-given"; readonly to: string })
  | (At & { readonly type: "lease-vouched"; readonly leaseKey: string });

export type RunEventType = RunEvent["type"];

export type TimerName =
  | "time-limit"
  | "budget"
  | "budget-warning"
  | "tether"
  | "unreachable"
  | "hold"
  | "keep"
  | "replan"
  | "start"
  | "slow-boot";
