import type {
  Clock,
  LeaseRequest,
  Offer,
  OfferQuery,
  Platform,
  PlatformErrorKind,
} from "@gpujob/spec";
import type { FaultTarget } from "../testing/fake-faults.ts";

/** Hands that make the other side misbehave. What is absent is not tested, and the summary says so. */
export interface ConformanceHelpers {
  /** The next call of this kind fails so at the platform, in the platform's own words, without effect. */
  readonly failNext?: (on: FaultTarget, kind: PlatformErrorKind) => void | Promise<void>;
  /** The next create has its effect, and its answer is lost. */
  readonly loseNextCreateReply?: () => void | Promise<void>;
  /** The next call of this kind is received and never answered. */
  readonly hangNext?: (on: FaultTarget) => void | Promise<void>;
  /**
   * Has the call that is to hang arrived at the platform? The signal fires only then; without this helper, after a few
   * turns of the event loop, which is too soon where a call is more than one request over a network.
   */
  readonly hasHung?: () => boolean;
  /** The next release is accepted and ignored. */
  readonly ignoreNextRelease?: () => void | Promise<void>;
  /** The next machine costs so many times what its offer says. */
  readonly repriceNextCreate?: (factor: number) => void | Promise<void>;
  /** The tags or the name of the next machine cannot be read. */
  readonly damageNextTags?: () => void | Promise<void>;
  /** The platform announces the end of a machine, far enough ahead to be seen. */
  readonly interrupt?: (leaseId: string) => void | Promise<void>;
  /** Lets time pass at the platform, in milliseconds. */
  readonly advance?: (ms: number) => void | Promise<void>;
  /** Ids of all machines that bill now, by the platform's own truth. */
  readonly readBilling?: () => readonly string[] | Promise<readonly string[]>;
}

/** The platform under test and what the suite must know of it. */
export interface ConformanceSetup extends ConformanceHelpers {
  readonly platform: Platform;
  /** A valid configuration, for the checks of the schema. */
  readonly config?: unknown;
  /** Eight characters `[a-z0-9]`. @default "conforma" */
  readonly installation?: string;
  /** Selects the offers that may be rented here. @default everything */
  readonly offerQuery?: OfferQuery;
  /** Which of them is rented. @default the cheapest that is not sold out */
  readonly chooseOffer?: (offers: readonly Offer[]) => Offer | undefined;
  /** Put over every lease request: an image, a disk size. */
  readonly request?: Partial<LeaseRequest>;
  /** An offer that is sold out now. */
  readonly soldOutOfferId?: string;
  /** An id in the platform's own form that no machine has. @default "no-such-lease" */
  readonly unknownLeaseId?: string;
  /** How many machines may be rented at once. @default 3 */
  readonly maxLeases?: number;
  /** Waits go by this clock. @default the system's */
  readonly clock?: Clock;
  /** @default 60_000 */
  readonly bootTimeoutMs?: number;
  /** @default 60_000 */
  readonly releaseTimeoutMs?: number;
  /** How soon a call must end after its signal has fired, by the system's clock. @default 5_000 */
  readonly abortTimeoutMs?: number;
  /** Between two looks, in milliseconds. @default 20 */
  readonly pollMs?: number;
  /** Secret texts that the platform was given; none may show up in an error. */
  readonly secrets?: readonly string[];
  /** Lets go of servers and folders once the suite is over. */
  readonly close?: () => void | Promise<void>;
}
