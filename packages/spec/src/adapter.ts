import type { Channel } from "./channel.ts";
import type { Clock } from "./clock.ts";
import type { Failure, PlatformErrorKind, FailureScope } from "./failure.ts";
import type { Currency, Money } from "./money.ts";
import type { Secret } from "./secret.ts";
import type { SshTarget } from "./ssh-target.ts";

/** Raised only for a change that breaks existing adapters. */
export const contractVersion = 1;

export type GpuVendor =
  | "nvidia"
  | "amd"
  | "ascend"
  | "hygon"
  | "biren"
  | "cambricon"
  | "kunlun"
  | "moore-threads"
  | "metax"
  | "iluvatar"
  | "enflame"
  | "t-head"
  | "intel";

/** How the cards of one node reach each other. `unknown` satisfies only a request for `any`. */
export type Interconnect = "pcie" | "nvlink" | "nvswitch" | "hccs" | "unknown";

export type Market = "on-demand" | "spot";

/** The accelerators of one node of an offer. */
export interface OfferGpu {
  readonly vendor: GpuVendor;
  /** The catalogue's model id, such as `A100` or `RTX4090`; see `normalizeGpuName` in the catalogue. */
  readonly model: string;
  /** Form factor or edition, such as `SXM4`, where the platform names it. */
  readonly variant?: string;
  /** Memory of one card in GiB (2^30), as sold. */
  readonly vramGib: number;
  /** Whole cards per node. */
  readonly count: number;
  readonly interconnect: Interconnect;
}

/** How a platform turns time into money. */
export interface BillingRule {
  /** Time is rounded up to this many seconds: 1, 60, 3600 or 86400. */
  readonly unitSeconds: number;
  /** At least so many seconds are charged per lease. */
  readonly minimumSeconds: number;
  /** `prepaid`: each unit is paid when it begins and is not given back. Default `metered`. */
  readonly mode?: "metered" | "prepaid";
  /** Is the time before the machine is up charged? Default true, the careful answer. */
  readonly isBootBilled?: boolean;
}

/** What renting one node of an offer costs. What is absent is unknown and named as such, never zero. */
export interface OfferPrice {
  /** For one node with all its cards, per hour. */
  readonly perHour: Money;
  readonly billing: BillingRule;
  /** Per GiB of disk and hour above `includedDiskGib`, also while stopped. */
  readonly diskPerGibHour?: Money;
  readonly publicIpPerHour?: Money;
  /** Per GiB sent from the machine to the internet. */
  readonly egressPerGib?: Money;
  /** The platform's discount as a factor on compute, such as 0.95; already applied in nothing above. */
  readonly discount?: number;
  /**
   * The user's own rate there, from the configuration: a factor on compute beside `discount`, such as a member's 0.95. With
   * `source: after-create` the price that is told of a rented machine has it in it already.
   */
  readonly ownRate?: { readonly name: string; readonly factor: number };
  /**
   * Paid by the hour beside the machine and for the same billed time, such as for NVLink or bandwidth; nothing is taken off.
   * Absent: none is known.
   */
  readonly surcharges?: readonly { readonly name: string; readonly perHour: Money }[];
  /** Part of everything that is added as tax, such as 0.06; 0: the prices have it in them. */
  readonly taxRate?: number;
  /** `live`: asked just now. `sheet`: from dated data. `after-create`: known only once rented. */
  readonly source: "live" | "sheet" | "after-create";
  /**
   * How far a price of dated data can be trusted. `documented`: the platform publishes it. `observed`: somebody paid or was
   * shown it. `inferred`: worked out from another price. `third-party`: somebody else says so. Absent: it is the
   * platform's own word, or the user's configuration.
   */
  readonly confidence?: "documented" | "observed" | "inferred" | "third-party";
}

/** Something that could be rented now, as one platform describes it in our units. */
export interface Offer {
  /** Stable across calls and unique within the platform. */
  readonly offerId: string;
  /** The configured platform's name, such as `autodl` or `lab`. */
  readonly platform: string;
  /** The platform's own region name; `local` where there is none. */
  readonly region: string;
  readonly zone?: string;
  /** ISO 3166-1 alpha-2 country code in lower case, for `residency`. Absent: unknown, which satisfies no residency. */
  readonly country?: string;
  readonly instanceType: string;
  /** Absent on a machine without accelerators. */
  readonly gpu?: OfferGpu;
  readonly cpuCount?: number;
  readonly memoryGib?: number;
  readonly includedDiskGib?: number;
  readonly maxDiskGib?: number;
  readonly market: Market;
  readonly price: OfferPrice;
  /** `none` is sold out; such offers are listed too. A number is how many machines are left. */
  readonly availability: "high" | "low" | "none" | "unknown" | number;
  /** Network between nodes of one lease or gang, where it is known. */
  readonly fabric?: { readonly kind: "ethernet" | "rdma"; readonly bandwidthGbps?: number };
  /**
   * Why the machine behind this offer does not answer now, where a platform asks several machines one by one. Then
   * `availability` is `none`, and what the machine itself would say is left out.
   */
  readonly outOfReach?: Failure;
  /** Can this one run `docker:` images? Stands before the capability. `problem` follows the word Docker: `is not there`. */
  readonly docker?: true | { readonly problem: string };
  /** Largest gang or native node count; default 1. */
  readonly maxNodes?: number;
  /** Expected interruptions per hour of a spot machine, where known. */
  readonly interruptionsPerHour?: number;
  /** Usual time from create to a ready machine, in seconds. */
  readonly bootSeconds?: number;
  /**
   * Usual time that the pull of an image of the user's own (`docker:`) adds to `bootSeconds`, in seconds; 0: it is in there.
   * It is billed like the boot.
   */
  readonly imagePullSeconds?: number;
  /** ISO-8601 UTC time at which price and stock were read. */
  readonly observedAt: string;
  /** Free-form facts of the platform for people, shown by `offers --json`. */
  readonly notes?: readonly string[];
  /** Variables that the place gives to each job, such as its mirrors; the job's own stand before them. Never secret. */
  readonly environment?: Readonly<Record<string, string>>;
  /** With `release: by-hand`: how this machine is ended. */
  readonly byHand?: ByHand;
  /** Does the platform's end timer work on this one? Stands before the capability of the same name, and says less, never more. */
  readonly autoRelease?: false;
}

/** A hint of what is wanted. An adapter may ignore all of it, and never drops an offer that matches. */
export interface OfferQuery {
  readonly vendors?: readonly GpuVendor[];
  readonly models?: readonly string[];
  readonly markets?: readonly Market[];
  readonly regions?: readonly string[];
  /** The asker waits this long, in milliseconds: who asks several machines gives each a little less. */
  readonly withinMs?: number;
}

/** Whose a machine is. Rides on every lease from the moment of create, in tags, labels or the name. */
export interface Ownership {
  /** Eight characters `[a-z0-9]`, one per installation (home folder, or a named CI installation). */
  readonly installation: string;
  /** Run id without its `r-`. */
  readonly run: string;
  /** Attempt number, from 1. */
  readonly attempt: number;
  /** Member number within the attempt, from 0. */
  readonly member: number;
  /** Epoch seconds after which the machine has no reason to exist. */
  readonly expires: number;
}

export interface LeaseRequest {
  /** Idempotency token: `f(installation, run, attempt, member)`, 32 characters `[a-z0-9]`; used at one place only. */
  readonly leaseKey: string;
  readonly ownership: Ownership;
  readonly offer: Offer;
  /** 1, or more with `multiNode: native`. */
  readonly nodes: number;
  /** An image of the platform. A `docker:` image is none: the machine's own Docker runs it. */
  readonly image?: string;
  /** The job demands such a network between its nodes, and the offer has it: ask for it where that is not by itself. */
  readonly fabric?: "rdma";
  readonly diskGib: number;
  /** One OpenSSH public key line. */
  readonly sshPublicKey: string;
  /** ISO-8601 UTC time at which the platform should end the machine by itself. */
  readonly endsAt: string;
  /**
   * For one node per hour. Where the price is known before anything is rented, a dearer one is refused with
   * `price_changed`. Where it is known only of a rented machine, the lease is answered with its price, for the engine to give
   * back and to charge: a machine that is ended within the create would have cost seconds that stand in no ledger.
   */
  readonly priceLimit?: Money;
}

export type LeaseState = "pending" | "up" | "releasing" | "stopped" | "ended" | "failed";

/** How to reach a node now. Read fresh each time, never journaled; may change at each power-on. */
export type NodeAccess =
  | {
      readonly kind: "ssh";
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly auth: SshAuth;
      /** Known host key fingerprint (`SHA256:…`) when the platform or the user tells it. */
      readonly hostKey?: string;
      /**
       * `known`: must be in `hostKey`, known_hosts or a pin. `first-use`: pin what the first connection shows, whatever
       * known_hosts says, as an address may be a new machine with each lease. `accept-new`: pin it only where known_hosts
       * has no entry. @default "known"
       */
      readonly hostKeyPolicy?: "known" | "first-use" | "accept-new";
      /**
       * On machines of the user's own: the address as written. The user's SSH configuration is asked about it and fills in
       * what it leaves out (host name, port, user, key, jump); `host`, `port` and `user` then only serve for messages.
       */
      readonly target?: SshTarget;
      /** Machines to jump through, nearest first. */
      readonly jumps?: readonly SshJump[];
      /** May our public key be installed at the first password login? Never on owned hosts. */
      readonly mayInstallKey?: boolean;
      /**
       * Names the machine behind the address: host keys that were learned under one name say nothing under another.
       * For addresses that the user rents again and again without a lease of ours for each.
       */
      readonly machine?: string;
    }
  | { readonly kind: "channel" };

/** How to log in. `ourKey` is the key pair of this installation. */
export type SshAuth =
  | { readonly kind: "our-key" }
  | { readonly kind: "password"; readonly password: Secret }
  | { readonly kind: "key-file"; readonly path: string; readonly passphrase?: Secret }
  | { readonly kind: "agent" }
  /** The ways a person's own `ssh` would try: agent, then the usual key files. */
  | { readonly kind: "default" };

export interface SshJump {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly auth: SshAuth;
  readonly hostKey?: string;
  /** As in `NodeAccess`. */
  readonly target?: SshTarget;
}

export interface Node {
  readonly nodeId: string;
  /** From 0, within the lease. */
  readonly rank: number;
  /** Address that other nodes of the lease or gang can reach. */
  readonly internalAddress?: string;
  readonly access?: NodeAccess;
  /** Card indexes that belong to this lease on a shared machine; absent: all of them. */
  readonly cards?: readonly number[];
  /** Absolute folder on the machine for everything of ours; absent: `.gpujob` in the user's home. */
  readonly root?: string;
}

/** Something being paid for, or of the user's own and in use. */
export interface Lease {
  readonly leaseId: string;
  /** Absent when the platform could not carry it or the tag could not be read. */
  readonly leaseKey?: string;
  /** Absent when the tag cannot be read; the lease is then listed all the same. */
  readonly ownership?: Ownership;
  /** What the platform says. `up` does not mean ready: only the engine decides that. */
  readonly state: LeaseState;
  /** Does time cost money now? */
  readonly isBillable: boolean;
  /** For one node, as the platform states it after create. */
  readonly pricePerHour?: Money;
  /** ISO-8601 UTC, when billing began. */
  readonly startedAt?: string;
  /** ISO-8601 UTC, when billing ended. */
  readonly endedAt?: string;
  /** Why it ended or failed, where the platform says. */
  readonly reason?: string;
  /** A machine that failed because there was no stock after all: the create was answered too early. @default "lease_failed" */
  readonly failedFor?: "no_capacity";
  readonly nodes: readonly Node[];
}

/** How the user of a machine that was rented by hand ends it, and what happens to it and its data without them. */
export interface ByHand {
  /** The page or command that ends the machine. */
  readonly endAt: string;
  /** What this machine's own power-off does to its bill; stands before the capability of the same name. */
  readonly powerOff?: Capabilities["powerOff"];
  /** Does another billing unit begin by itself, and is it paid, until the user ends the machine? @default false */
  readonly renews?: boolean;
  /** What is lost so long after the user has stopped the machine; without `path` the machine itself. */
  readonly wipes?: readonly { readonly path?: string; readonly afterStopSeconds: number }[];
}

/** Answers of `releaseLease`. `released` only after the platform confirmed it. */
export interface ReleaseProgress {
  readonly state: "released" | "releasing";
  /** Ask again no sooner than this, in milliseconds. */
  readonly againAfterMs?: number;
  /**
   * A machine that is gone is shown no more, and nobody tells when it ended: it is looked at so often meanwhile, by
   * `getLease` alone, for the ledger to end when the bill does.
   */
  readonly watchEveryMs?: number;
}

/** A warning that the platform will take the machine away. */
export interface Interruption {
  /** ISO-8601 UTC time at which the machine ends, where the notice names it. */
  readonly endsAt?: string;
  readonly reason: string;
}

export interface Charge {
  readonly from: string;
  readonly to: string;
  readonly amount: Money;
  readonly kind: "compute" | "disk" | "network" | "other";
}

/** What an error means: what happened and how wide it is. The scheduler decides what to do. */
export interface Classification {
  readonly kind: PlatformErrorKind;
  readonly scope: FailureScope;
  readonly retryAfterMs?: number;
}

type Wait = { readonly signal: AbortSignal };

/**
 * One configured platform. Every method may throw `PlatformError` and nothing else.
 * No method retries, caches or logs: the SDK puts decorators around it.
 */
export interface Platform {
  /** All that could be rented. Absent: sold out is `availability: none`. Repeated: same ids. Aborted: throws `aborted`. Half done: throws. */
  listOffers(query: OfferQuery, wait: Wait): Promise<readonly Offer[]>;
  /** Rents; returns before the machine is ready. Repeated with the same key: the same lease. Unclear: throws `outcome_unknown`. */
  createLease(request: LeaseRequest, wait: Wait): Promise<Lease>;
  /** One lease, or `undefined` when the platform says that there is no such; anything else throws. */
  getLease(leaseId: string, wait: Wait): Promise<Lease | undefined>;
  /**
   * Every lease of the installation that can still cost money, and those whose tag cannot be read. Complete, or throws:
   * an `IncompleteListError` where a part could be read.
   */
  listLeases(filter: { readonly installation: string }, wait: Wait): Promise<readonly Lease[]>;
  /** Does the next needed step towards the end of the lease. Any stage, any number of times, unknown ids too. */
  releaseLease(leaseId: string, wait: Wait): Promise<ReleaseProgress>;
  /** Pure. Says what a thrown value of this platform means. */
  classify(error: unknown): Classification;
  /** With `autoRelease`: moves the platform's own end timer. Setting the same time again is fine. */
  extendLease?(leaseId: string, until: string, wait: Wait): Promise<void>;
  /** With `channel`: reaches a node whose access is `{ kind: "channel" }`. */
  openChannel?(node: Node, wait: Wait): Promise<Channel>;
  /** With `interruptionNotice`: a pending interruption, else `undefined`. Polled by the engine every few seconds. */
  watchInterruption?(leaseId: string, wait: Wait): Promise<Interruption | undefined>;
  /** With `capacityCheck`: is there stock for this offer right now? */
  checkCapacity?(offer: Offer, wait: Wait): Promise<Offer["availability"]>;
  /** With `balance`: money left on the account. */
  getBalance?(wait: Wait): Promise<Money>;
  /** With `charges`: what the platform billed for a lease, for comparison with our ledger. */
  readCharges?(leaseId: string, wait: Wait): Promise<readonly Charge[]>;
  /** Lets go of sockets and timers. Machines stay. */
  close?(): Promise<void>;
}

/** What a platform can do, as data known without credentials. Defaults are the careful answers. */
export interface Capabilities {
  /** `api`: ended by API with proof. `owned`: the user's own, nothing bills. `by-hand`: ended in a console. */
  readonly release: "api" | "owned" | "by-hand";
  /** Can it rent at all? `false`: `createLease` always refuses and says the way round. @default true */
  readonly rents?: boolean;
  /** What the machine's own power-off does to the bill. @default "none": it is never powered off */
  readonly powerOff: "stops" | "ends" | "none";
  /** How a repeated create is recognised. */
  readonly idempotency: "token" | "name" | "none";
  /** Has the platform an end timer of its own that `endsAt` arms? @default false */
  readonly autoRelease: boolean;
  /** A new machine may stay out of lists and reads for so long, in milliseconds. */
  readonly visibilityWindowMs: number;
  /**
   * What `listOffers` answered stands for another call for so long, in milliseconds, where a user only looks; what is
   * rented is always asked for anew. 0: each question is asked. @default 0
   */
  readonly offersFreshMs?: number;
  readonly markets: readonly Market[];
  /** `gang`: the engine makes one lease per member. `native`: one lease holds several nodes. @default "none" */
  readonly multiNode: "none" | "gang" | "native";
  /** Where ownership rides. */
  readonly tagging: "tags" | "name" | "none";
  /** Can an image be chosen? @default false */
  readonly image: boolean;
  /** Has the machine a Docker engine that our user may use, with its cards, so that `docker:REF` images run? @default false */
  readonly docker: boolean;
  /** Does the adapter implement `openChannel`? @default false */
  readonly channel: boolean;
  readonly interruptionNotice: boolean;
  readonly capacityCheck: boolean;
  readonly balance: boolean;
  readonly charges: boolean;
}

/** Opens an SSH channel; injected into adapters that manage hosts themselves. */
export type Connect = (
  access: NodeAccess & { readonly kind: "ssh" },
  wait: Wait,
) => Promise<Channel>;

/** What an adapter gets from outside. It reads no environment, clock or network of its own. */
export interface AdapterContext {
  /** The platform's name in the configuration; goes into offers and messages. */
  readonly platform: string;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly log: (message: string, details?: Readonly<Record<string, unknown>>) => void;
  /** A fresh random id of `[a-z0-9]{12}`. */
  readonly newId: () => string;
  readonly connect: Connect;
  /** Folder that this adapter may keep durable files in, created on first use; for simulated and local platforms. */
  readonly stateFolder: string;
  /** Resolves a reference from the configuration, such as `{ env: NAME }`. Throws `config_invalid` naming it when missing. */
  readonly resolveSecret: (reference: SecretReference) => Promise<Secret>;
  /** Currency for prices that the configuration gives without one. */
  readonly currency: Currency;
}

/** Where a secret is to be found; never the secret itself. */
export type SecretReference =
  | { readonly env: string }
  | { readonly file: string }
  | { readonly command: string | readonly string[] }
  | { readonly keyring: string };
