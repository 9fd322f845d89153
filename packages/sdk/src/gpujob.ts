import type { Readable, Writable } from "node:stream";
import type { TermAdvice } from "@gpujob/scheduler";
import type { PlaceRecord } from "@gpujob/scheduler";
import type {
  Failure,
  LedgerLine,
  Money,
  Offer,
  Plan,
  PlanMissing,
  RankScore,
  RunState,
  RunView,
  TransferProgress,
} from "@gpujob/spec";

/** What a job comes from: a file, a command line, or both. Relative paths are taken from `cwd`. */
export interface JobInput {
  /** Path of the job file; absent: `job` or the command alone. */
  readonly file?: string;
  /** A job as an object with the job file's keys, instead of a file. */
  readonly job?: Readonly<Record<string, unknown>>;
  /** Job-file keys from flags; they win over the file. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  /** `KEY=value`, or `KEY` to take it from the environment. */
  readonly environment?: readonly string[];
  /** Path of a file of `KEY=value` lines. */
  readonly environmentFile?: string;
  /** `submit -- CMD…`: replaces `run`. */
  readonly command?: readonly string[];
  /** `--host 'ssh -p 34222 root@…'`: this machine, with no configuration needed. */
  readonly host?: string;
  /** `--sheet gpushare/rtx4090`: the host is rented by hand, at this price sheet. */
  readonly sheet?: string;
}

export interface PlanResult extends Plan {
  /** `terms`: what holds for the job, set or by default, such as `market auto`. */
  readonly job: { readonly name: string; readonly terms: readonly string[] };
  /** Files that would be sent, and large ignored ones that would not. */
  readonly upload: {
    readonly files: number;
    readonly bytes: number;
    readonly ignoredLarge: readonly { readonly path: string; readonly bytes: number }[];
  };
  readonly warnings: readonly string[];
  /** What would happen, in money, if nobody came back. */
  readonly worstCase: string;
  /** What the job's own rules will do beside renting the best offer, and what that costs. */
  readonly notes?: readonly string[];
  /** Variables that the first candidate's place gives to the job, such as mirrors; `mirrors: none` leaves them out. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Why there are no candidates and what would change that; absent where there are some. */
  readonly noOffer?: Failure;
}

/**
 * May an answer of before stand for asking a platform? `usual`: as long as its adapter says that it holds; `refresh`: no;
 * `cached`: always, and nobody is asked.
 */
export type Freshness = "usual" | "refresh" | "cached";

export interface PlanOptions {
  /** @default "usual" */
  readonly freshness?: Freshness;
  /**
   * `grouped`: offers of a platform that miss alike by what they share are one rejection with its count, which is much
   * faster where there are tens of thousands. @default "each"
   */
  readonly rejections?: "each" | "grouped";
  /** Where the plan is written, for `planned`. */
  readonly out?: string;
  readonly planned?: PlannedFile;
}

/** A plan that was written before: its offer is taken, or nothing is. */
export interface PlannedFile {
  /** Path; where the line names no job, it is the one of the plan. */
  readonly file: string;
  /** Share by which its price may have risen since. @default 0.02 */
  readonly tolerance?: number;
}

/** One decision of a run, with the prices seen then. */
export interface PastDecision extends Pick<Plan, "candidates" | "rejected" | "missing"> {
  readonly decidedAt: string;
  readonly warnings: readonly string[];
}

/** The first decision of a run, and all of them in order. */
export interface PastPlan extends Plan {
  readonly runId: string;
  readonly name: string;
  readonly decisions: readonly PastDecision[];
}

export interface SubmitOptions extends JobInput {
  readonly planned?: PlannedFile;
  /** Where outputs go. @default `./outputs/<run>` */
  readonly output?: string;
  readonly idempotencyKey?: string;
  /** Name of a run whose kept machine is used. */
  readonly on?: string;
  /** Run whose last checkpoint is used, with today's code. */
  readonly from?: string;
  /** Drive in the background from the start. */
  readonly detach?: boolean;
  /** Asked once before anything is rented, with the plan; `false` cancels. Absent: yes. */
  readonly confirm?: (plan: PlanResult) => Promise<boolean>;
}

/** What happens in a run, as it happens, for whoever watches. */
export type RunEvent =
  | { readonly type: "plan"; readonly at: number; readonly plan: PlanResult }
  | {
      readonly type: "state";
      readonly at: number;
      readonly state: RunState;
      readonly attempt: number | null;
      readonly platform: string | null;
      /** One sentence: what happened and what is done next. */
      readonly message: string;
    }
  | {
      readonly type: "log";
      readonly at: number;
      readonly attempt: number;
      readonly node: number;
      readonly bytes: Uint8Array;
      readonly offset: number;
    }
  | {
      readonly type: "progress";
      readonly at: number;
      readonly what: "boot" | "probe" | "upload" | "download" | "checkpoint";
      readonly progress: TransferProgress | null;
      readonly elapsedMs: number;
    }
  | {
      readonly type: "notice";
      readonly at: number;
      readonly level: "info" | "warning" | "error";
      readonly message: string;
      readonly hint?: string;
    };

/** A run that was just submitted, driven by this process until it is settled, detached or closed. */
export interface SubmittedRun {
  readonly id: string;
  /** False: the same idempotency key had made it before. */
  readonly isNew: boolean;
  /** Events from now on; ends when the run settles or is handed over. */
  readonly events: AsyncIterable<RunEvent>;
  /** Settles with the end of the run, or with its state when it was handed over. */
  readonly result: Promise<RunView>;
  /** Gives the drive lock to a background driver. */
  detach(): Promise<void>;
  /** Graceful stop, or at once with `now`; see `Gpujob.stop`. */
  stop(options: {
    readonly now?: boolean;
    readonly reason: "cancelled" | "terminated";
  }): Promise<void>;
}

export interface LogOptions {
  readonly follow?: boolean;
  /** Epoch milliseconds. */
  readonly since?: number;
  /** Last lines only. */
  readonly tail?: number;
  /** @default the newest */
  readonly attempt?: number | "all";
  /** @default all nodes */
  readonly node?: number;
  readonly signal: AbortSignal;
}

export interface LogChunk {
  readonly attempt: number;
  readonly node: number;
  /** Byte offset in the log of that node. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** One line of a run's journal for people: `logs --events`, and the time line of `show`. */
export interface TimelineEntry {
  readonly at: string;
  readonly type: string;
  readonly attempt: number | null;
  readonly message: string;
}

export interface RunDetail extends RunView {
  /** Absolute folder that outputs were or will be brought to. */
  readonly outputFolder: string;
  readonly timeline: readonly TimelineEntry[];
  readonly driver: { readonly owner: string; readonly alive: boolean } | null;
  /** What its machine measured last; of several nodes the mean use, the most memory and the least disk. */
  readonly lastBeat: {
    readonly at: string;
    readonly gpuPercent?: number;
    readonly gpuMemoryGib?: number;
    readonly cpuPercent?: number;
    readonly memoryGib?: number;
    readonly diskFreeGib?: number;
  } | null;
  readonly checkpoint: {
    readonly at: string;
    readonly files: number;
    readonly bytes: number;
  } | null;
}

/** Proof for one create: what was intended, what the platform made, how its end was seen. */
export interface ReceiptEntry {
  readonly attempt: number;
  readonly member: number;
  readonly platform: string;
  readonly offerId: string;
  readonly leaseKey: string;
  readonly leaseId: string | null;
  readonly state: string;
  readonly intendedAt: string;
  readonly createdAt: string | null;
  readonly billedFrom: string | null;
  readonly billedTo: string | null;
  readonly looks: readonly {
    readonly at: string;
    readonly what: string;
    readonly answer: string;
  }[];
}

/** What an interruption on purpose came to. */
export interface DrillReport {
  readonly run: RunView;
  /** Number of the attempt that was interrupted. */
  readonly from: number;
  /** Number of the one that went on; `null` when the run ended before its job ran again. */
  readonly to: number | null;
  /** From the interruption until the job ran again, or the run had ended. */
  readonly seconds: number;
  /** Did it go on from a checkpoint, or from its beginning? */
  readonly isFromCheckpoint: boolean;
}

export interface CostReport {
  /** The platforms' bills. */
  readonly total: Money;
  readonly lines: readonly LedgerLine[];
  /** How they are paid where the configuration tells of coupons or prepaid hours, by the order in which they ended. */
  readonly toPay?: {
    readonly amount: Money;
    /** Negative or zero, like `coupons`. */
    readonly prepaidHours: Money;
    readonly coupons: Money;
  };
  /** Machines for which the platform's own bill is another; absent: none is known. */
  readonly differences?: readonly BillDifference[];
}

/** What a platform billed for a machine that has ended, and what was counted for it here: of all runs that used it. */
export interface BillDifference {
  /** The first of the report's runs that used it. */
  readonly runId: string;
  readonly platform: string;
  readonly leaseId: string;
  readonly billed: Money;
  readonly counted: Money;
}

/** The user's own use by the hour against whole days, weeks and months. Nothing is bought. */
export interface TermReport {
  readonly from: string;
  readonly to: string;
  readonly currency: string;
  readonly advice: readonly TermAdvice[];
}

export interface AuditReport {
  readonly billing: readonly AuditLease[];
  readonly unconfirmed: readonly AuditLease[];
  readonly byHand: readonly (AuditLease & { readonly endAt: string })[];
  readonly unknown: readonly AuditLease[];
  /** What happens when to machines that their user has stopped by hand: data wiped, machines deleted. */
  readonly reminders?: readonly string[];
  /** What `--fix` released or asked to release. */
  readonly fixed: readonly AuditLease[];
  readonly missing: readonly PlanMissing[];
}

export interface AuditLease {
  readonly platform: string;
  readonly leaseId: string | null;
  readonly runId: string | null;
  readonly state: string;
  readonly since: string | null;
  readonly pricePerHour: Money | null;
  readonly note: string;
}

export interface PlatformRow {
  readonly name: string;
  readonly adapter: string;
  readonly title: string;
  readonly origin: string;
  readonly release: "api" | "owned" | "by-hand";
  readonly credentials: readonly string[];
  /** What own leases told of it; absent before the first. */
  readonly learnt?: LearntPlace;
}

/** What own leases told of a place, in figures and in words. */
export interface LearntPlace extends PlaceRecord {
  readonly seen: readonly string[];
  /** The same by kind of machine. */
  readonly types?: readonly LearntPlace[];
}

/** What `platforms add` writes. */
export interface NewPlatform {
  readonly name: string;
  readonly adapter: string;
  /** The adapter's own settings; each value as YAML text, as it would stand in the configuration. */
  readonly settings: Readonly<Record<string, string>>;
  /** Values by the setting that refers to them; each is kept in a file closed to others. */
  readonly secrets: Readonly<Record<string, string>>;
}

export interface DoctorCheck {
  readonly subject: string;
  readonly name: string;
  readonly state: "ok" | "warning" | "failed" | "skipped";
  readonly message: string;
  readonly hint?: string;
}

export interface OfferRow extends Offer {
  /** What one machine costs after all discounts and the account's own rate, in the offer's currency. */
  readonly pricePerHour: Money;
  readonly ageSeconds: number;
  /** With a profile: how it scores and why, the best first. */
  readonly score?: RankScore;
  readonly reason?: string;
  /** Its platform did not answer now: this is what it said before. */
  readonly isStale?: true;
}

export interface OffersResult {
  readonly offers: readonly OfferRow[];
  readonly missing: readonly PlanMissing[];
}

export interface OfferFilter {
  readonly gpu?: string;
  readonly platforms?: readonly string[];
  readonly market?: "on-demand" | "spot";
  readonly maxPrice?: string;
  /** Ranked for this kind of user, one hour on one machine; only those that fit. */
  readonly profile?: string;
  /** @default "usual" */
  readonly freshness?: Freshness;
}

/** One value of the effective configuration and where it came from. */
export interface ConfigEntry {
  readonly key: string;
  readonly value: unknown;
  readonly origin: string;
}

export interface TerminalOptions {
  readonly columns: number;
  readonly rows: number;
  /** As in `TERM`. */
  readonly terminal?: string;
  readonly node?: number;
}

/** A terminal on a machine. Where the platform has no SSH it is a plain shell, without echo or line editing. */
export interface Terminal {
  readonly input: Writable;
  readonly output: Readable;
  /** Only of a plain shell; a terminal has one stream. */
  readonly errors?: Readable;
  /** Rejects with `unreachable` when the connection broke first. */
  readonly exit: Promise<{ readonly code?: number; readonly signal?: string }>;
  readonly resize: (columns: number, rows: number) => void;
  readonly close: () => void;
}

export interface PortForwarding {
  readonly remotePort: number;
  /** Another one than asked for where that was taken. */
  readonly localPort: number;
  close(): Promise<void>;
}

export interface FileTransferReport {
  readonly files: number;
  readonly bytes: number;
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

type Wait = { readonly signal: AbortSignal };

/**
 * gpujob as a library: one object per home folder. Every method throws `GpujobError` with a `Failure` that a user can
 * read. References to a run are an id, a unique prefix of one, or a name.
 */
export interface Gpujob {
  /** Offers that a platform told a moment ago may stand for asking it again; each shows when it was seen. */
  plan(input: JobInput, options: PlanOptions & Wait): Promise<PlanResult>;
  /** The decisions that a run took, from its journal. Asks nobody. */
  pastPlan(reference: string | undefined): Promise<PastPlan>;
  submit(options: SubmitOptions, wait: Wait): Promise<SubmittedRun>;
  offers(filter: OfferFilter, wait: Wait): Promise<OffersResult>;

  listRuns(filter: {
    readonly all?: boolean;
    readonly limit?: number;
    /** Only the run that was submitted with this key: `stop --key`. */
    readonly idempotencyKey?: string;
  }): Promise<readonly RunView[]>;
  showRun(reference: string | undefined): Promise<RunDetail>;
  receipt(reference: string | undefined): Promise<readonly ReceiptEntry[]>;
  readLogs(reference: string | undefined, options: LogOptions): AsyncIterable<LogChunk>;
  readTimeline(
    reference: string | undefined,
    options: { readonly follow?: boolean } & Wait,
  ): AsyncIterable<TimelineEntry>;
  /** Watches a run driven by anyone: events from now on, the result when it settles. */
  waitRun(reference: string | undefined, wait: Wait): Promise<RunView>;

  stopRun(reference: string, options: { readonly now?: boolean }): Promise<RunView>;
  /** Again, with its saved code and last checkpoint; `fresh`: without the checkpoint. */
  retryRun(
    reference: string,
    options: {
      readonly fresh?: boolean;
      readonly detach?: boolean;
      /** As in `SubmitOptions`. */
      readonly confirm?: (plan: PlanResult) => Promise<boolean>;
    },
    wait: Wait,
  ): Promise<SubmittedRun>;

  /** Interrupts a running job on purpose and waits until it runs again or the run has ended. */
  drillRun(reference: string, wait: Wait): Promise<DrillReport>;

  /** The argument vector of an `ssh` (or shell) command that reaches a node, for `gpujob ssh`. */
  shellCommand(
    reference: string | undefined,
    options: { readonly node?: number; readonly forward?: readonly number[] },
  ): Promise<{
    readonly argv: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
  }>;
  /** An interactive terminal on a node, for `gpujob ssh`. */
  openTerminal(reference: string | undefined, options: TerminalOptions & Wait): Promise<Terminal>;
  /** Ports of a node on 127.0.0.1 of this machine, until closed. */
  forwardPorts(
    reference: string | undefined,
    ports: readonly number[],
    options: { readonly node?: number } & Wait,
  ): Promise<readonly PortForwarding[]>;
  exec(
    reference: string | undefined,
    argv: readonly string[],
    options: {
      readonly node?: number | "all";
      readonly onOutput: (stream: "stdout" | "stderr", bytes: Uint8Array, node: number) => void;
    } & Wait,
  ): Promise<{ readonly exitCode: number }>;
  push(
    reference: string | undefined,
    source: string,
    target: string,
    options: { readonly node?: number | "all" } & Wait,
  ): Promise<FileTransferReport>;
  pull(
    reference: string | undefined,
    source: string,
    target: string,
    options: { readonly node?: number | "all" } & Wait,
  ): Promise<FileTransferReport>;

  cost(filter: { readonly since?: number; readonly run?: string }): Promise<CostReport>;
  /** Compares own use since a time in epoch milliseconds, or of 30 days, with the terms that are known. Buys nothing. */
  adviseTerms(filter: { readonly since?: number }): Promise<TermReport>;
  audit(
    options: { readonly fix?: boolean; readonly ended?: string },
    wait: Wait,
  ): Promise<AuditReport>;

  platforms(): Promise<readonly PlatformRow[]>;
  /** Adds a platform to the user's configuration once it has answered; answers how many offers it has. */
  addPlatform(added: NewPlatform, wait: Wait): Promise<{ readonly offers: number }>;
  /** Takes a platform out of the user's configuration, with the secrets kept for it. */
  removePlatform(name: string): Promise<void>;
  doctor(
    options: {
      readonly platform?: string;
      readonly takeRun?: string;
      /** Hosts that earlier runs found to be bad are not avoided any more. @default false */
      readonly isForgiving?: boolean;
    },
    wait: Wait,
  ): Promise<readonly DoctorCheck[]>;
  config(): Promise<readonly ConfigEntry[]>;
  /** The JSON Schema of a job file or a configuration, for editors: `gpujob schema`. Contacts nothing. */
  schema(kind: "job" | "config"): Promise<Readonly<Record<string, unknown>>>;
  prune(options: {
    readonly before: number;
  }): Promise<{ readonly runs: number; readonly bytes: number }>;
  /** What every mock market would bill. */
  mockMeter(): Promise<{ readonly machines: readonly MockMachine[] }>;
  mockReset(): Promise<{ readonly machines: number }>;
  /**
   * Serves a mock market over HTTP on this computer's loopback address until it is closed. Throws `usage` where there is
   * no such market or the port is taken.
   */
  mockServe(options: ServeMockOptions): Promise<MockServer>;
  /**
   * Adds a fault, written as in the configuration, to a mock market that may be in use; `nth` counts from now.
   * `undefined` takes back all that were added. Throws `usage`.
   */
  mockFault(platform: string, fault: string | undefined): Promise<void>;

  /** Drives one run until it is settled; what `gpujob drive` does in the background. */
  drive(runId: string, wait: Wait): Promise<RunView>;
  /** Takes over runs whose driver is dead, in the background. Called by every command; answers what was adopted. */
  adoptOrphans(): Promise<readonly { readonly runId: string; readonly message: string }[]>;
  /** Lets go of locks, sockets and timers. Runs driven here are handed over first. */
  close(): Promise<void>;
}

/** Which mock market is served, and what goes wrong in it. */
export interface ServeMockOptions {
  /** Its name in the configuration. @default a market with a few usual cards */
  readonly platform?: string;
  /** 0: any free one. */
  readonly port: number;
  /** Each as in the configuration, instead of those there; none: those there. */
  readonly faults: readonly string[];
  /** Share of the calls that meet a fault by chance, over 0 up to 1. */
  readonly random?: number;
  readonly seed?: number;
}

/** A mock market that answers on loopback. */
export interface MockServer {
  readonly platform: string;
  readonly url: string;
  /** Closed to others; clients name it in their configuration. */
  readonly tokenFile: string;
  /** Stops answering; machines stay. Answers which of them still bill. */
  close(): Promise<{ readonly billing: readonly MockMachine[] }>;
}

export interface MockMachine {
  readonly leaseId: string;
  readonly platform: string;
  readonly offer: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly billedSeconds: number;
  readonly amount: Money;
}

/** Where the program lives; everything that the SDK would read from the process, given instead. */
export interface GpujobOptions {
  /** @default `GPUJOB_HOME`, else `~/.gpujob` */
  readonly home?: string;
  /** @default the process's environment */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** @default the process's current folder */
  readonly cwd?: string;
  /** `-c/--config FILE` */
  readonly configFile?: string;
  /** Asked about a project's configuration that carries commands, endpoints or credentials. Absent: refused. */
  readonly confirmTrust?: (question: {
    readonly file: string;
    readonly reasons: readonly string[];
  }) => Promise<boolean>;
  /** Asked about an unknown host key. Absent: refused. */
  readonly confirmHostKey?: (question: {
    readonly host: string;
    readonly fingerprint: string;
  }) => Promise<boolean>;
  /** The command that starts a background driver: `[...argv, "drive", RUN]`. Absent: runs can't be detached. */
  readonly driverCommand?: readonly string[];
}
