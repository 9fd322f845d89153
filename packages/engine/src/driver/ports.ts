import type {
  Capabilities,
  Clock,
  Failure,
  HostAttempt,
  HostBeat,
  HostSession,
  Lease,
  Node,
  Platform,
  PlanMissing,
  PlanRejection,
  SkippedFile,
  Timeouts,
  TransferProgress,
  UploadFile,
} from "@gpujob/spec";
import type { Exclusion, NoOffer } from "@gpujob/scheduler";
import type { Store } from "@gpujob/store";
import type { Candidate, CheckpointRecord, Submission } from "../core/context.ts";
import type { Snapshot } from "../core/decide.ts";
import type { RunEvent } from "../core/events.ts";

type Wait = { readonly signal: AbortSignal };

/** A configured platform as the engine uses it: already wrapped with deadlines and retries. */
export interface EnginePlatform {
  readonly name: string;
  readonly platform: Platform;
  readonly capabilities: Capabilities;
  readonly timeouts: Timeouts;
}

/** What is kept of a run on the user's machine. */
export interface RunFiles {
  /** The code as it was at submit, and the files of `files:`. */
  listUploads(runId: string): Promise<readonly UploadFile[]>;
  /** Bytes of log kept so far; the durable offset. */
  logSize(runId: string, attempt: number, member: number): Promise<number>;
  /** The last bytes of a log as text, for what only a log tells. Absent: nothing is looked for. */
  readLogTail?(runId: string, attempt: number, member: number, bytes: number): Promise<string>;
  /** Appends at an offset; bytes before the end of the file are already there and skipped. */
  appendLog(
    runId: string,
    attempt: number,
    member: number,
    bytes: Uint8Array,
    offset: number,
  ): Promise<void>;
  /**
   * Brings the checkpoint folder home; `undefined` when there is nothing in it, and without `checkpoint` when nothing in it
   * could be copied. A bad one never replaces a good one. `isFinal`: the job has stopped, so one look is enough.
   */
  saveCheckpoint(
    session: HostSession,
    attempt: HostAttempt,
    options: Wait & { readonly path: string; readonly isFinal: boolean; readonly keep: number },
  ): Promise<
    | {
        readonly checkpoint?: Omit<CheckpointRecord, "attempt" | "at">;
        readonly skipped: readonly SkippedFile[];
      }
    | undefined
  >;
  /** The newest checkpoint of a run, as files of the work folder. */
  loadCheckpoint(runId: string, checkpointId?: string): Promise<readonly UploadFile[]>;
  /** Brings outputs home; never overwrites, verifies each by hash, resumes. */
  collectOutputs(
    session: HostSession,
    attempt: HostAttempt,
    options: Wait & {
      readonly globs: readonly string[];
      readonly folder: string;
      /** Below `folder`, for nodes other than the first. */
      readonly subfolder?: string;
      readonly onProgress?: (progress: TransferProgress) => void;
    },
  ): Promise<{
    /** As they are named here, relative to `folder`. */
    readonly files: readonly string[];
    readonly skipped: readonly SkippedFile[];
    /** Sent by the machine; absent: not counted. */
    readonly bytes?: number;
  }>;
}

/** Everything the driver touches. Tests and the simulation give their own. */
export interface EnginePorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly newId: () => string;
  /** Name of this process for the drive lock, unique across machines and reboots. */
  readonly owner: string;
  /** Throws `config_invalid` when the platform is no longer configured. */
  readonly platform: (name: string) => EnginePlatform;
  readonly makePlan: (
    submission: Submission,
    exclusions: readonly Exclusion[],
    /** `isWaiting`: the run waits for stock, so platforms are asked at their own pace and answers of a moment ago will do. */
    wait: Wait & { readonly isWaiting?: boolean },
  ) => Promise<{
    readonly candidates: readonly Candidate[];
    readonly missing: readonly PlanMissing[];
    /** For the journal. */
    readonly rejected?: readonly PlanRejection[];
    readonly explanation?: NoOffer;
    /** When there may be something new, for a run that waits. */
    readonly againAfterMs?: number;
  }>;
  /** Reaches a node that the platform says is up. */
  readonly connect: (
    target: {
      readonly platform: EnginePlatform;
      readonly leaseKey: string;
      readonly lease: Lease;
      readonly node: Node;
    },
    wait: Wait,
  ) => Promise<HostSession>;
  readonly files: RunFiles;
  /** Public key line for new machines. */
  readonly sshPublicKey: () => Promise<string>;
  /**
   * The key pair with which the nodes of a gang reach each other, the same for the same name in every driver. Absent where
   * machines have no SSH.
   */
  readonly gangKey?: (
    name: string,
  ) => Promise<{ readonly privateKey: string; readonly publicKey: string }>;
  /** Values of the job's secrets; those that cannot be resolved are named. */
  readonly resolveSecrets: (submission: Submission) => Promise<{
    readonly values: Readonly<Record<string, string>>;
    readonly missing: readonly string[];
  }>;
  /** Will this machine stay awake while it drives? */
  readonly staysAwake: () => boolean;
  /** Reached anything else lately? Silence of one host counts only then. */
  readonly isOnline: () => Promise<boolean>;
  /** Tells whoever watches; never throws. */
  readonly observe: (event: DriverEvent) => void;
  readonly tempo: Tempo;
  /** Called before and after every effect and commit, so that tests can kill the process there. */
  readonly crashPoint: (name: string) => void;
}

/** How often the driver looks, in milliseconds. The simulation looks less often. */
export interface Tempo {
  readonly renewLockMs: number;
  readonly wishPollMs: number;
  /** Beat check, tether and silence. */
  readonly watchMs: number;
  /** Interruption notices and the platform's word about a silent machine. */
  readonly platformPollMs: number;
}

export const defaultTempo: Tempo = {
  renewLockMs: 5000,
  wishPollMs: 250,
  watchMs: 500,
  platformPollMs: 2000,
};

/** What a driver says beside the journal. */
export type DriverEvent =
  | { readonly type: "journal"; readonly event: RunEvent; readonly snapshot: Snapshot }
  | {
      readonly type: "log";
      readonly attempt: number;
      readonly member: number;
      readonly bytes: Uint8Array;
      readonly offset: number;
    }
  | {
      readonly type: "progress";
      readonly what: "boot" | "probe" | "upload" | "download" | "checkpoint";
      readonly attempt: number;
      readonly progress: TransferProgress | null;
    }
  | {
      readonly type: "beat";
      readonly attempt: number;
      readonly member: number;
      readonly beat: HostBeat;
    }
  | { readonly type: "trouble"; readonly operation: string; readonly failure: Failure };
