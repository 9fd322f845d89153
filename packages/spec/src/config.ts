import type { AccountTerms } from "./account.ts";
import type { SecretReference } from "./adapter.ts";
import type { Currency } from "./money.ts";
import type { PlatformRating } from "./rating.ts";

/** Waits of the engine, in milliseconds; each can be set per platform too. */
export interface Timeouts {
  readonly bootMs: number;
  readonly offersMs: number;
  readonly releaseMs: number;
  readonly unreachableMs: number;
  /** Absent: 10 minutes where `CI` is set, else the job's time limit. */
  readonly orphanMs?: number;
  /** Between two questions to a platform while a run waits for stock. Absent: 20 s, 5 s for machines of one's own. */
  readonly stockMs?: number;
}

/** One entry under `platforms:`; the adapter's own schema checks the rest. */
export interface PlatformConfig {
  readonly name: string;
  readonly adapter: string;
  /** Everything else as written, for the adapter's schema. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly timeouts: Partial<Timeouts>;
  /** What the user thinks of it, in place of what people say. */
  readonly rating?: PlatformRating;
  /** What the user's account there has; its prices are counted with it. */
  readonly account?: AccountTerms;
  /** File that the entry came from, for messages. */
  readonly origin: string;
  /** Where each setting stands, by its path such as `hosts[0].price`, for messages. */
  readonly positions?: Readonly<Record<string, string>>;
}

export interface NotifyTarget {
  readonly kind: "webhook" | "feishu" | "dingtalk" | "wecom" | "slack";
  readonly url: SecretReference;
  readonly on: readonly string[];
}

/** The effective configuration: all files, the environment and flags merged by key. */
export interface Config {
  readonly currency: Currency;
  /** CNY for one unit of each currency, as the user set it. */
  readonly exchange: Readonly<Record<Currency, number>>;
  readonly installation?: string;
  readonly platforms: readonly PlatformConfig[];
  /** Job-file keys, as written, that a job file may override. */
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly timeouts: Timeouts;
  readonly tether: "auto" | "short" | "long";
}
