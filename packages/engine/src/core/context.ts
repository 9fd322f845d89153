import type {
  Capabilities,
  ExchangeRate,
  Failure,
  HostExit,
  JobSpec,
  Money,
  Offer,
  PlanMissing,
  PlatformConfig,
  Timeouts,
} from "@gpujob/spec";
import type { Exclusion } from "@gpujob/scheduler";
import type { LargerCard } from "./larger-card.ts";

/** Everything fixed at submit. Stored once with the run and never changed. */
export interface Submission {
  readonly runId: string;
  /** Eight characters that mark this installation's machines. */
  readonly installation: string;
  readonly job: JobSpec;
  /** Epoch milliseconds. */
  readonly submittedAt: number;
  readonly currency: string;
  /** Rates locked for the whole run. */
  readonly rates: readonly ExchangeRate[];
  readonly timeouts: Timeouts;
  readonly tether: "auto" | "short" | "long";
  /** May the job outlive this process on purpose from the start? */
  readonly isDetached: boolean;
  /** Bytes of the work folder, for price and time of the upload. */
  readonly uploadBytes: number;
  /** Absolute folder that outputs are brought to. */
  readonly outputFolder: string;
  /** Total price of the first candidate when it was submitted. */
  readonly quoted?: Money;
  /** The offer of a plan that was made before, and the most it may cost per hour for all nodes: `--plan`. */
  readonly planned?: {
    readonly platform: string;
    readonly offerId: string;
    readonly pricePerHour: Money;
  };
  /** Platforms that were named at submit and are in no configuration: `--host`. */
  readonly platforms?: readonly PlatformConfig[];
  /** Checkpoint of an earlier run to begin with: `--from`, `retry`. */
  readonly resumeFrom?: { readonly runId: string };
  /** The kept machine of another run: `--on`. */
  readonly on?: { readonly runId: string };
}

/** An offer that was ranked, with what the ledger will need. */
export interface Candidate {
  readonly offer: Offer;
  /** All nodes per hour, in the run's currency. */
  readonly pricePerHour: Money;
  readonly totalPrice: Money;
  readonly reason: string;
  readonly capabilities: Capabilities;
}

/** How certain it is that a member's job cannot be running any more. */
export interface Fence {
  readonly by: "never-started" | "supervisor" | "platform" | "reboot" | "tether" | "user";
  readonly at: number;
}

export type MemberState =
  /** Journaled, perhaps being created at this moment. */
  | "intended"
  /** The create's outcome is not known. */
  | "unclear"
  | "held"
  | "releasing"
  /** Proven to be gone. */
  | "gone"
  /** Proven that it never existed. */
  | "never"
  /** The user's word that it ended. */
  | "vouched"
  /** Now another run's, which pays from here on. */
  | "given";

/** One lease of an attempt. */
export interface Member {
  readonly member: number;
  readonly leaseKey: string;
  readonly state: MemberState;
  readonly leaseId?: string;
  readonly pricePerHour?: Money;
  readonly intendedAt: number;
  readonly createdAt?: number;
  /** Epoch milliseconds; when billing began and ended. */
  readonly billedFrom?: number;
  readonly billedTo?: number;
  /** Bytes of outputs that came home from it, which some platforms bill; absent: not known. */
  readonly homeBytes?: number;
  readonly identity?: { readonly bootId: string; readonly machineId: string };
  readonly isReady?: boolean;
  /** What it told of its place: from the create until it was ready, and how long sending so many bytes took. */
  readonly bootMs?: number;
  readonly sentBytes?: number;
  readonly sentMs?: number;
  /** By a probe: the fastest of its downloads, and reading from its disk. */
  readonly downloadMbps?: number;
  readonly diskMibPerSecond?: number;
  readonly isPrepared?: boolean;
  readonly isStarted?: boolean;
  /** Its set-up is over; in a gang it waits for the others. */
  readonly isSetUp?: boolean;
  readonly exit?: HostExit;
  /** What its log says of a card whose memory ran out; absent: nothing that is known. */
  readonly memoryText?: string;
  /** Since when nothing was heard of it. */
  readonly silentSince?: number;
  /** When the tether granted last runs out, in the driver's time; only under a short tether. */
  readonly tetherEndsAt?: number;
  /** Little would be lost if it never came back. */
  readonly isCheckpointFresh?: boolean;
  readonly fence?: Fence;
  /** Nothing of ours is on it any more, or it could not be reached to see to that; a bill by hand may go on. */
  readonly isGivenBack?: boolean;
  /** Release was asked for so long without proof that the user is told. */
  readonly isUnconfirmed?: boolean;
  readonly watchUntil?: number;
}

export type AttemptPhase =
  | "acquiring"
  | "booting"
  | "preparing"
  /** Ready, its job waiting for the proof that the old one cannot run. */
  | "standby"
  | "running"
  | "collecting"
  | "holding"
  | "releasing"
  | "closed";

/** Why an attempt ends, decided when it leaves its last working phase. */
export interface AttemptEnd {
  readonly failure?: Failure;
  /** What to do once it is closed. */
  readonly next: "retry" | "settle" | "none";
  readonly reason: string;
}

export interface Attempt {
  readonly number: number;
  readonly candidate: Candidate;
  readonly phase: AttemptPhase;
  readonly members: readonly Member[];
  readonly startedAt: number;
  readonly endedAt?: number;
  /** From here on the job may be running, whatever was heard of it. */
  readonly isStartAsked?: boolean;
  readonly jobStartedAt?: number;
  /** Why the job is being stopped: a notice, a limit, a wish. */
  readonly stopping?: StopCause;
  readonly end?: AttemptEnd;
  /** Its outputs are at home. */
  readonly isCollected?: boolean;
  readonly tether?: { readonly kind: "short" | "long"; readonly lengthMs: number };
  /** Did it begin from a checkpoint? */
  readonly isResumed?: boolean;
  /** The newest checkpoint of it that is at home. */
  readonly saved?: CheckpointRecord;
  /** It was rented although another attempt counted then. */
  readonly isExtra?: true;
  /** It and another were asked at the same time (`hedge`), and the first that boots is kept. */
  readonly isHedge?: true;
  /** Its card is larger than the one of this attempt, whose memory ran out. */
  readonly largerThan?: number;
  /** Machines of its kind take this long to boot at most, but for one in twenty; milliseconds. */
  readonly usualBootMs?: number;
  /** Its machine has been booting for longer than that. */
  readonly isSlow?: true;
  /** When the platform takes the machine, as far as its notice can be believed; epoch milliseconds. */
  readonly takenAt?: number;
}

export type StopCause =
  | { readonly kind: "wish"; readonly reason: "cancelled" | "terminated"; readonly isNow: boolean }
  | { readonly kind: "interruption"; readonly reason: string; readonly isDrill?: true }
  | { readonly kind: "member"; readonly member: number; readonly code: number }
  | { readonly kind: "budget" }
  | { readonly kind: "time" };

export interface CheckpointRecord {
  readonly checkpointId: string;
  readonly attempt: number;
  readonly at: number;
  readonly files: number;
  readonly bytes: number;
  /** How long it took to look at it and bring it home. */
  readonly tookMs?: number;
}

/** How the run ends, as far as it is decided. */
export interface Outcome {
  readonly state: "succeeded" | "failed" | "cancelled";
  readonly exitCode: number;
  readonly reason: string;
  readonly failure?: Failure;
}

/** The whole state of a run: small, plain JSON, stored with every event. */
export interface RunContext {
  readonly version: 1;
  readonly runId: string;
  readonly attempts: readonly Attempt[];
  /** Number of the attempt that counts; 0 before the first. */
  readonly current: number;
  /** Number of the attempt rented early, if any. */
  readonly spare?: number;
  readonly candidates: readonly Candidate[];
  /** Epoch milliseconds of the last plan. */
  readonly plannedAt?: number;
  readonly missing: readonly PlanMissing[];
  readonly exclusions: readonly Exclusion[];
  /** What the next `plan-made` is for; absent: no plan is being made. */
  readonly planning?: "next" | "spare";
  readonly queuedUntil?: number;
  /** When it began to wait; epoch milliseconds. */
  readonly queuedSince?: number;
  /** Plans in a row that brought nothing; those to come are made at growing distances. */
  readonly fruitlessPlans?: number;
  readonly isQueued?: boolean;
  readonly interruptions: number;
  readonly failures: number;
  /** Only cards larger than this will do from now on. */
  readonly larger?: LargerCard;
  readonly checkpoint?: CheckpointRecord;
  /** What of the checkpoint folder cannot be saved, and since when. */
  readonly unsaved?: {
    readonly since: number;
    readonly count: number;
    /** The first of them. */
    readonly files: readonly string[];
    /** Is it all that there is? */
    readonly isAll: boolean;
  };
  readonly wish?: StopCause & { readonly kind: "wish" };
  readonly isBudgetWarned?: boolean;
  readonly outcome?: Outcome;
  readonly outputs: readonly string[];
  readonly isCollectFailed?: boolean;
  /** A limit came while outputs were being fetched: they may, but nothing begins any more. */
  readonly isLimitReached?: true;
  /** When `limits.time` is reached, epoch milliseconds; absent before the first attempt and while queued. */
  readonly timeLimitAt?: number;
  /** What was left of `limits.time` when the run began to wait for stock. */
  readonly timeLeftMs?: number;
  readonly isSettled?: boolean;
}
