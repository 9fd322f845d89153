import type { Execution } from "./channel.ts";
import type { Failure } from "./failure.ts";

/** What was read on a machine by looking, never by believing the offer. */
export interface HostFacts {
  /** Changes at every boot: `/proc/sys/kernel/random/boot_id`. */
  readonly bootId: string;
  /** Stays across boots: `/etc/machine-id` or the DMI product id; empty where neither can be read. */
  readonly machineId: string;
  readonly uptimeMs: number;
  readonly user: string;
  readonly home: string;
  /** Absolute folder for everything of ours. */
  readonly root: string;
  readonly os: string;
  readonly architecture: string;
  readonly cpuCount: number;
  readonly memoryGib: number;
  readonly diskFreeGib: number;
  readonly inodesFree?: number;
  readonly gpus: readonly HostGpu[];
  /** Present tools by name: `bash setsid systemd-run python3 openssl inotify tail-follow nvidia-smi npu-smi …`. */
  readonly tools: readonly string[];
  /** Supervisor protocol that is installed; absent: none. */
  readonly supervisorVersion?: number;
  /** Its own SSH server, as other machines of its network reach it; absent where it was reached in another way. */
  readonly ssh?: {
    readonly port: number;
    /** Public host keys, each as type and base64. */
    readonly hostKeys: readonly string[];
  };
  /**
   * Docker's engine on this machine, for this user; absent: Docker is not installed. `nvidia-docker` is among `tools` where it
   * gives cards to containers.
   */
  readonly docker?: "usable" | "forbidden" | "stopped";
  /** What stands in the way of a job here, as sentences, such as a folder that cannot be written. */
  readonly problems?: readonly string[];
}

export interface HostGpu {
  readonly index: number;
  /** As the vendor's tool names it. */
  readonly name: string;
  readonly vramGib?: number;
  readonly uuid?: string;
  /** Is it in use by a process that is not ours? */
  readonly isBusy: boolean;
}

/** One card as a probe found it. Rates by the second; a figure is absent where it could not be measured. */
export interface ProbedCard {
  readonly index: number;
  /** As the vendor's tool names it. */
  readonly name?: string;
  readonly vramGib?: number;
  /** Multiplying matrices in half precision, in windows of equal length. */
  readonly windowTflops: readonly number[];
  /** Copying within its memory, reading and writing counted. */
  readonly memoryGBps?: number;
  /** From the machine's memory to the card, and back. */
  readonly inGBps?: number;
  readonly outGBps?: number;
  readonly powerLimitWatts?: number;
  readonly usualPowerLimitWatts?: number;
  /** Its link, and how many lanes of it are in use. */
  readonly pcie?: {
    readonly generation: number;
    readonly mostLanes: number;
    readonly lanes: number;
  };
  /** What slowed it down while it worked. */
  readonly slowedBy: readonly ("heat" | "hardware")[];
}

/** What a machine was measured to do. */
export interface HostProbe {
  /** What measured the cards; absent: nothing could. */
  readonly method?: "torch" | "cublas" | "driver";
  readonly driver?: string;
  readonly cards: readonly ProbedCard[];
  /** Bus bandwidth of an all-reduce over all cards. */
  readonly allReduceGBps?: number;
  readonly diskWriteMBps?: number;
  readonly diskReadMBps?: number;
  /** In Mbit/s. */
  readonly downloads: readonly { readonly name: string; readonly mbps: number }[];
  /** What could not be measured, each with the reason. Never counted as good. */
  readonly unmeasured: readonly string[];
}

/** `platformCode` of the refusal (`forbidden`) of a machine that has served a driver of a newer epoch. */
export const supersededCode = "superseded";

/** Which attempt on a host, spoken for by which driver. The host refuses an epoch lower than one it has seen. */
export interface HostAttempt {
  readonly runId: string;
  readonly attempt: number;
  readonly rank: number;
  /** Rises at each take-over of the drive lock. */
  readonly epoch: number;
}

/** Everything a host must know to run a job alone, with the driver gone for good. */
export interface HostPlan {
  /** Shell text; absent: nothing to set up. */
  readonly setup?: string;
  /** Shell text; absent: an interactive machine that runs until stopped. */
  readonly run?: string;
  /** Plain values of the job's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Secret values; written to a 0600 file that the job's shell reads and removes. Never in an argument vector. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly cards?: readonly number[];
  /** The job runs in a container of this image, as root in it; absent: on the machine itself. */
  readonly container?: HostContainer;
  /** Relative to the work folder. */
  readonly checkpointPath?: string;
  /** Was a checkpoint put in place? Becomes `GPUJOB_RESUME`. */
  readonly isResumed: boolean;
  readonly stopSignal: string;
  readonly graceMs: number;
  /** Absolute ends, as milliseconds from the moment the host reads the plan; each enforced with no driver. */
  readonly timeLimitMs: number;
  readonly orphanMs: number;
  /** Silence of log and card that ends the job. */
  readonly idleMs?: number;
  readonly logLimitBytes: number;
  readonly tether: { readonly kind: "short" | "long"; readonly lengthMs: number };
  /** What the supervisor does to the machine once the job is over and no driver came within `holdMs`. */
  readonly powerOff: "stops" | "ends" | "none";
  readonly holdMs: number;
  /** Waits after setup until `proceed`: the barrier of a gang. */
  readonly holdAfterSetup?: boolean;
  readonly nodes?: {
    readonly addresses: readonly string[];
    readonly gpusPerNode: number;
    /** Opens SSH from each node to each other for the job, while the attempt lasts. */
    readonly ssh?: GangSsh;
  };
}

/** What Docker is to make of a job. */
export interface HostContainer {
  /** As `docker pull` takes it. */
  readonly image: string;
  /** For fetching it; kept in no file longer than that, and in no command line. */
  readonly login?: { readonly user: string; readonly password: string };
  /** Absolute paths of the machine that the container shows under the same name, where they exist. */
  readonly mounts?: readonly string[];
}

/** A key of one attempt alone, and the doors that it opens. */
export interface GangSsh {
  /** The text of a private key file. */
  readonly privateKey: string;
  /** One line for `authorized_keys`. */
  readonly publicKey: string;
  /** By rank. */
  readonly doors: readonly {
    readonly address: string;
    readonly port: number;
    readonly user: string;
    /** As in `HostFacts`. */
    readonly hostKeys: readonly string[];
  }[];
}

/** What the supervisor says of the job, once a second and at every change. */
export interface HostBeat {
  readonly uptimeMs: number;
  /** The host's wall clock, epoch milliseconds. */
  readonly wallMs: number;
  readonly bootId: string;
  readonly state: HostJobState;
  /** Bytes of log so far; final once `exit` is there. */
  readonly logBytes: number;
  readonly exit?: HostExit;
  /** Is setup over? True also while the job waits for `proceed`. */
  readonly isSetUp?: boolean;
  /** Given on reconnect after an expiry: needed to thaw. */
  readonly nonce?: string;
  /** Free bytes on the disk of the work folder. */
  readonly diskFreeBytes?: number;
  readonly gpuPercent?: number;
  readonly gpuMemoryGib?: number;
  readonly cpuPercent?: number;
  readonly memoryGib?: number;
}

/** `absent`: no such attempt here. `ready`: prepared, not started. `ended`: nothing of it is alive and `exit` says how. */
export type HostJobState =
  | "absent"
  | "ready"
  | "setup"
  | "running"
  | "frozen"
  | "stopping"
  | "ended";

/** How the job ended. `code` is what a shell would report: 128+N for signal N. */
export interface HostExit {
  readonly code: number;
  /** Why, where it was not simply the job's own end. `unknown` is never success. */
  readonly reason:
    | "exited"
    | "setup"
    | "stopped"
    | "time-limit"
    | "orphaned"
    | "idle"
    | "log-limit"
    | "out-of-memory"
    | "disk-full"
    | "tether"
    | "rebooted"
    | "unknown";
  /** Host wall clock, epoch milliseconds. */
  readonly startedAtMs?: number;
  readonly endedAtMs: number;
  /** Error that the NVIDIA driver logged while the job ran, such as 79: the card is gone. */
  readonly xid?: number;
}

/** A file on a host. `path` is relative, with `/`, and confined: no `..`, no leading `/`, no NUL. */
export interface HostFile {
  readonly path: string;
  readonly bytes: number;
  readonly mode: number;
  readonly mtimeMs: number;
  readonly sha256: string;
  /** The folder of a listed file; absent: the work folder. */
  readonly from?: "work" | "output";
}

/** What a host could not hand over, and why; shown to the user, never dropped silently. */
export interface SkippedFile {
  readonly path: string;
  readonly reason: string;
}

export interface HostListing {
  readonly files: readonly HostFile[];
  readonly skipped: readonly SkippedFile[];
}

export interface TransferProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly doneFiles: number;
  readonly totalFiles: number;
}

/** A file to be put on a host; content is read only when the host lacks its hash. */
export interface UploadFile extends HostFile {
  /** Opens the content from the start. Throws when it no longer has this hash. */
  readonly open: () => AsyncIterable<Uint8Array>;
  /** Opens bytes `start` up to and without `end`, so that a big file goes over several channels and continues after a break. */
  readonly openRange?: (start: number, end: number) => AsyncIterable<Uint8Array>;
  /** Looks at the file again after it changed; absent when it cannot be had again. */
  readonly reread?: () => Promise<UploadFile | undefined>;
  /** Makes this a symbolic link to the given relative target; then nothing is opened. */
  readonly link?: string;
}

export interface UploadReport {
  readonly sentBytes: number;
  readonly sentFiles: number;
  readonly totalBytes: number;
  readonly totalFiles: number;
  /** Files that changed while they were sent, as they are on the host now. */
  readonly changed?: readonly HostFile[];
}

export interface HostWatch {
  /** Bytes of log already kept; the stream goes on from here. */
  readonly logOffset: number;
  /** Called at least once a second while the link lives. */
  readonly onBeat: (beat: HostBeat) => void;
  /** Log bytes in order, with none missing or repeated. Awaited before more are read. */
  readonly onLog: (bytes: Uint8Array, offset: number) => Promise<void>;
}

type Wait = { readonly signal: AbortSignal };

/**
 * A node that has been reached. Every call is safe to repeat, and raises `PlatformError` `unreachable` when the link is
 * gone, `outcome_unknown` when it broke half-way, and `forbidden` when a newer driver has taken over.
 */
export interface HostSession {
  readFacts(wait: Wait): Promise<HostFacts>;
  /** Measures the machine for about so many seconds; leaves nothing behind. Absent: it can't be. */
  probe?(
    options: Wait & {
      readonly seconds: number;
      /** Those of a shared machine that are ours; absent: all. */
      readonly cards?: readonly number[];
      /** Large files to be fetched for some seconds, by name. */
      readonly downloads: readonly { readonly name: string; readonly url: string }[];
    },
  ): Promise<HostProbe>;
  /**
   * Puts files into the attempt's work folder; continues where an earlier try stopped. Removes nothing else. Given a promise,
   * it makes the machine ready while the files are looked for; a rejection is passed on.
   */
  upload(
    attempt: HostAttempt,
    files: readonly UploadFile[] | Promise<readonly UploadFile[]>,
    options: Wait & {
      /** Relative to the work folder. @default "." */
      readonly into?: string;
      readonly onProgress?: (progress: TransferProgress) => void;
    },
  ): Promise<UploadReport>;
  /** Installs the supervisor and writes the plan. Repeated before the start: replaces it. After: changes nothing. */
  prepare(attempt: HostAttempt, plan: HostPlan, wait: Wait): Promise<void>;
  /** Starts the job exactly once per attempt, however often it is called. Answers with the state found or made. */
  start(attempt: HostAttempt, wait: Wait): Promise<HostBeat>;
  /** One beat now, without a long-lived channel. */
  readBeat(attempt: HostAttempt, wait: Wait): Promise<HostBeat>;
  /**
   * Streams log and beats over long-lived channels until the job has ended and its whole log was handed over (resolves),
   * the link breaks (throws `unreachable`) or the signal fires (throws `aborted`).
   */
  watch(attempt: HostAttempt, watch: HostWatch, wait: Wait): Promise<HostBeat>;
  /** The tether holds until this host uptime. An older or already expired value changes nothing. */
  renew(attempt: HostAttempt, validUntilUptimeMs: number, wait: Wait): Promise<HostBeat>;
  /** Lets a frozen job go on; `nonce` must be the one of the last beat. */
  thaw(
    attempt: HostAttempt,
    options: { readonly nonce: string; readonly validUntilUptimeMs: number },
    wait: Wait,
  ): Promise<HostBeat>;
  /** Stops the job from going on without ending it. */
  freeze(attempt: HostAttempt, wait: Wait): Promise<HostBeat>;
  /** Sends a signal to the job, for a checkpoint. */
  signal(attempt: HostAttempt, name: string, wait: Wait): Promise<void>;
  /** Stops the job: signal, grace, then kill. Returns at once; beats show the rest. */
  stop(
    attempt: HostAttempt,
    options: { readonly graceMs: number; readonly reason: "stopped" | "time-limit" },
    wait: Wait,
  ): Promise<void>;
  /** Moves the host's own limits; milliseconds from now. */
  setLimits(
    attempt: HostAttempt,
    limits: { readonly timeLimitMs?: number; readonly orphanMs?: number; readonly holdMs?: number },
    wait: Wait,
  ): Promise<void>;
  /** Lists files with their hashes. `globs` are relative to the work folder; `outputFolder` adds `$GPUJOB_OUTPUT_DIR`. */
  list(
    attempt: HostAttempt,
    selection: { readonly globs: readonly string[]; readonly outputFolder?: boolean },
    wait: Wait,
  ): Promise<HostListing>;
  /** Streams one listed file from an offset. The caller checks the hash. */
  read(
    attempt: HostAttempt,
    file: HostFile,
    options: Wait & { readonly offset?: number; readonly from: "work" | "output" },
  ): AsyncIterable<Uint8Array>;
  /** Streams listed files one after the other, each exactly as long as listed. The caller splits and checks the hashes. */
  readMany?(
    attempt: HostAttempt,
    files: readonly HostFile[],
    options: Wait & { readonly from: "work" | "output" },
  ): AsyncIterable<Uint8Array>;
  /** Lets a job with `holdAfterSetup` go on to its run, once every node is set up. */
  proceed?(attempt: HostAttempt, wait: Wait): Promise<HostBeat>;
  /** Ends everything of the attempt at once, removes its secrets, and its folder too with `remove`. */
  end(attempt: HostAttempt, options: Wait & { readonly remove: boolean }): Promise<void>;
  /** Runs a command in the attempt's work folder and environment, for `gpujob exec`. */
  exec(attempt: HostAttempt, argv: readonly string[], wait: Wait): Execution;
  close(): Promise<void>;
}

/** A host that must not be chosen again for a while, and why. */
export interface HostVerdict {
  readonly failure: Failure;
  readonly untilMs: number;
}
