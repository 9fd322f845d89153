import type { GpuVendor, Interconnect, Market, SecretReference } from "./adapter.ts";
import type { DataNeed } from "./data.ts";
import type { ModelUse } from "./model.ts";
import type { Money } from "./money.ts";

/** A range of whole or real numbers; an absent end is open. `{ min: 24, max: 24 }` is exactly 24. */
export interface Range {
  readonly min?: number;
  readonly max?: number;
}

/** One acceptable kind of accelerator. All absent fields mean "any". */
export interface GpuRequest {
  /** `domestic` is already spread into its vendors. */
  readonly vendors?: readonly GpuVendor[];
  /** Catalogue model ids, as written by the user if unknown there. */
  readonly models?: readonly string[];
  /** GiB per card, compared with a tolerance of 7 %. */
  readonly vramGib?: Range;
  /** Cards per node. */
  readonly count: Range;
  /** GiB of all cards of a node together. */
  readonly totalVramGib?: Range;
  /** Such as `8.0`; NVIDIA only. */
  readonly computeCapability?: Range;
}

export interface Resources {
  /** Acceptable accelerators, the preferred first. Empty: no accelerator asked for. */
  readonly gpus: readonly GpuRequest[];
  /** Does the order of `gpus` outrank price? True for a list of strings, false for one string. */
  readonly isOrderedPreference: boolean;
  readonly nodes: number;
  readonly interconnect: "any" | Exclude<Interconnect, "unknown">;
  readonly fabric: { readonly kind: "any" | "ethernet" | "rdma"; readonly bandwidthGbps?: Range };
  readonly cpuCount?: Range;
  readonly memoryGib?: Range;
  readonly diskGib?: Range;
  /** `diskGib` follows from the model and nobody asked for it: an offer that does not tell its disk may do. */
  readonly isDiskEstimated?: true;
}

export interface CheckpointRule {
  /** Relative to the work folder. */
  readonly path: string;
  readonly everyMs: number;
  /** Sent so that the job can save, with its prefix. @default "SIGTERM" */
  readonly signal: string;
  readonly graceMs: number;
  readonly store: "local" | "storage";
  readonly keep: number;
}

/** What an end of the job means; the first rule that matches holds, and one with no condition matches every end. */
export interface RetryRule {
  readonly exitCode?: number | readonly number[];
  /** Memory ran out: of the machine, by its supervisor's word, or of a card, by the text in the log. */
  readonly on?: "oom";
  readonly action: "retry" | "fail";
  /** The next attempt takes cards with more memory each. */
  readonly gpu?: "larger";
}

/** A file to be placed in the work folder before the job starts. */
export interface FileSource {
  /** Where it goes: relative to the work folder, or absolute. */
  readonly target: string;
  readonly source:
    | { readonly kind: "local"; readonly path: string }
    | { readonly kind: "url"; readonly url: string }
    | { readonly kind: "host"; readonly path: string }
    | { readonly kind: "run"; readonly run: string; readonly path: string };
}

/** An environment value: a text, or asked for at submit. */
export type EnvironmentValue = string | null;

/** A job file after parsing, defaults filled in, paths absolute, still without secrets. Plain JSON. */
export interface JobSpec {
  readonly name: string;
  readonly resources: Resources;
  /** What its memory per card and its disk follow from, beside `resources`. */
  readonly model?: ModelUse;
  readonly market: Market | "auto";
  /** Globs over region names; empty: any. */
  readonly regions: readonly string[];
  /** Country code that machine and data must be in. */
  readonly residency?: string;
  readonly platforms: {
    readonly allow: readonly string[];
    readonly deny: readonly string[];
    readonly prefer: readonly string[];
  };
  /** An image of the platform, or `docker:` and what Docker pulls; one for all, or by platform with `default`. */
  readonly image?: string | Readonly<Record<string, string>>;
  /** The log-in to the registry of a Docker image. */
  readonly registry?: {
    readonly user: string | SecretReference;
    readonly password: SecretReference;
  };
  /** Absolute folder on this machine whose files are sent; absent: nothing is sent. */
  readonly workdir?: string;
  readonly files: readonly FileSource[];
  /** What it reads beside the files that are sent. */
  readonly data?: readonly DataNeed[];
  /** Absolute paths of the machine that the job reads; a container shows them too. */
  readonly hostPaths?: readonly string[];
  /** Final values; `null` never leaves the parser without an error. */
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, SecretReference>>;
  /** `none`: the job does not get the variables of the place, such as its mirrors. Absent: it does. */
  readonly mirrors?: "none";
  readonly setup?: string;
  /** Absent: an interactive machine. */
  readonly run?: string;
  readonly outputs: readonly string[];
  readonly checkpoint?: CheckpointRule;
  readonly expectedTimeMs: number;
  /** What comes home from each node, outputs and checkpoints together, in GiB; absent: not known. */
  readonly expectedOutputGib?: number;
  /**
   * Nothing is planned or rented before, and the job must be done by then: ISO-8601 UTC, or as written (a time of day too)
   * until the library makes it so at submit.
   */
  readonly startAt?: string;
  readonly deadline?: string;
  readonly limits: {
    readonly budget?: Money;
    /** For all nodes, per hour. */
    readonly pricePerHour?: Money;
    readonly timeMs: number;
    readonly holdMs: number;
  };
  readonly retry: {
    readonly interruptions: number;
    readonly failures: number;
    readonly rules: readonly RetryRule[];
  };
  /** How long to wait for stock; absent: not at all. */
  readonly queueMs?: number;
  /** So many different offers are asked at once, and the first that boots is kept; absent: one. */
  readonly hedge?: 2;
  /** Measures each machine before anything is sent to it; absent: no. */
  readonly probe?: "quick";
  readonly keepMs?: number;
  readonly idleMs?: number;
  readonly ports: readonly number[];
  readonly labels: Readonly<Record<string, string>>;
  readonly profile: string;
}
