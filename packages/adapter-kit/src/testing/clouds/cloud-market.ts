import type { Market } from "@gpujob/spec";
import type { CloudBill, MeterRule } from "./cloud-meter.ts";
import { toBill } from "./cloud-meter.ts";

/** What a zone has of one type on one market. */
export interface CloudStock {
  readonly region: string;
  readonly zone: string;
  readonly type: string;
  readonly market: Market;
  /** Machines left. */
  readonly count: number;
  /** In the cloud's own currency. */
  readonly pricePerHour: number;
}

/** A machine that is really there, such as a container. */
export interface RealMachine {
  readonly address: string;
  stop(): Promise<void>;
}

/** What is asked of the market when a machine is ordered. */
export interface CloudOrder {
  readonly region: string;
  readonly zone: string;
  readonly type: string;
  readonly market: Market;
  /** The client's idempotency token; it counts within one region. */
  readonly token?: string;
  /** All parameters as one text: the same token with another text is a mistake of the client. */
  readonly parameters: string;
  readonly tags: Readonly<Record<string, string>>;
  /** In the cloud's own currency per hour. */
  readonly priceLimit?: number;
  /** What bills beside the machine for as long as it does: disk, address. */
  readonly extraPerHour?: number;
  /** Epoch milliseconds of the market's time. */
  readonly endsAt?: number;
}

export type CloudState = "pending" | "running" | "shutting-down" | "terminated";
/** Who ended a machine: our call, its own timer or power-off, or the cloud. */
export type EndCause = "user" | "machine" | "cloud";

/** A machine as the market knows it. Times in epoch milliseconds. */
export interface CloudMachine extends Omit<CloudOrder, "parameters" | "token" | "priceLimit"> {
  readonly id: string;
  readonly token: string;
  readonly state: CloudState;
  readonly createdAt: number;
  readonly upAt?: number;
  /** When it began to end: nothing bills any more. */
  readonly endingAt?: number;
  readonly endCause?: EndCause;
  /** When the cloud will take it, since that was announced. */
  readonly takenAt?: number;
  readonly address: string;
  readonly privateAddress: string;
  readonly pricePerHour: number;
}

/** Why an order was refused. */
export type CloudRefusal = "not-offered" | "no-stock" | "price" | "token-mismatch" | "token-ended";

export interface CloudMarketOptions {
  readonly stock: readonly CloudStock[];
  /** Ids of machines begin so, such as `i-`. */
  readonly idPrefix: string;
  readonly meter: MeterRule;
  /** @default 0 */
  readonly bootMs?: number;
  /** From the end of the bill to the end of the machine. @default 0 */
  readonly endMs?: number;
  /** A new machine stays out of lists and reads for so long. @default 0 */
  readonly lagMs?: number;
  /** @default the system's */
  readonly now?: () => number;
  /** Makes a real machine for an order; without it machines are only kept in the books. */
  readonly startMachine?: (machine: CloudMachine) => Promise<RealMachine>;
}

type Selection = Partial<Pick<CloudStock, "region" | "zone" | "type" | "market">>;

/** The market of one cloud: stock, prices, machines, tokens and the meter. What the wire looks like is no matter of its. */
export interface CloudMarket {
  readonly stock: () => readonly CloudStock[];
  /** One machine for one order; the same token gives the same machine. */
  readonly launch: (order: CloudOrder) => CloudMachine | CloudRefusal;
  /** Machines that can be seen, ended ones too. */
  readonly list: (region: string) => readonly CloudMachine[];
  readonly find: (region: string, id: string) => CloudMachine | undefined;
  readonly end: (id: string, cause: EndCause) => void;
  readonly setTimer: (id: string, endsAt: number | undefined) => void;
  /** Announces that the cloud takes a machine after so long, and takes it then. */
  readonly announce: (id: string, noticeMs: number) => void;
  readonly setStock: (
    selection: Selection,
    change: { count?: number; pricePerHour?: number },
  ) => void;
  /** The next machine costs so many times as much. */
  readonly repriceNext: (factor: number) => void;
  /** The tags of the next machine arrive damaged. */
  readonly damageNext: () => void;
  /** The next end is accepted and ignored. */
  readonly ignoreNextEnd: () => void;
  /** Makes every machine that is there now so much older. */
  readonly age: (ms: number) => void;
  readonly bills: () => readonly CloudBill[];
  /** Waits until every real machine is gone. */
  readonly close: () => Promise<void>;
}

type Entry = { -readonly [Key in keyof CloudMachine]: CloudMachine[Key] } & {
  readonly parameters: string;
  real?: Promise<RealMachine | undefined>;
};

/** A market that is scripted by data and by its hands. */
export function createCloudMarket(options: CloudMarketOptions): CloudMarket {
  const now = options.now ?? Date.now;
  const entries = new Map<string, Entry>();
  const tokens = new Map<string, Entry>();
  const stock = options.stock.map((row) => ({ ...row }));
  const next = { factor: 1, isDamaged: false, isIgnored: false };
  const stopping: Promise<unknown>[] = [];

  const matches = (row: CloudStock, by: Selection): boolean =>
    (by.region === undefined || row.region === by.region) &&
    (by.zone === undefined || row.zone === by.zone) &&
    (by.type === undefined || row.type === by.type) &&
    (by.market === undefined || row.market === by.market);
  const rowOf = (order: Selection) => stock.find((row) => matches(row, order));

  function begin(order: CloudOrder, row: CloudStock): Entry {
    const number = entries.size + 1;
    const { token = "", parameters, priceLimit: _limit, tags, ...rest } = order;
    const entry: Entry = {
      ...rest,
      tags: next.isDamaged ? damage(tags) : tags,
      token,
      parameters,
      id: `${options.idPrefix}${number.toString(16).padStart(17, "0")}`,
      state: "pending",
      createdAt: now(),
      address: `192.0.2.${number % 250}`,
      privateAddress: `10.0.0.${number % 250}`,
      pricePerHour: row.pricePerHour * next.factor,
    };
    next.factor = 1;
    next.isDamaged = false;
    entries.set(entry.id, entry);
    if (token !== "") tokens.set(`${order.region}/${token}`, entry);
    if (options.startMachine !== undefined) entry.real = boot(entry, options.startMachine);
    return entry;
  }

  async function boot(
    entry: Entry,
    start: (machine: CloudMachine) => Promise<RealMachine>,
  ): Promise<RealMachine | undefined> {
    try {
      const real = await start({ ...entry });
      entry.address = real.address;
      entry.privateAddress = real.address;
      entry.upAt = now();
      return real;
    } catch {
      // What cannot boot is taken back, as a cloud does.
      finish(entry, "cloud", now());
      return undefined;
    }
  }

  function finish(entry: Entry, cause: EndCause, at: number): void {
    if (entry.endingAt !== undefined) return;
    entry.endingAt = at;
    entry.endCause = cause;
    const row = rowOf(entry);
    if (row !== undefined) Object.assign(row, { count: row.count + 1 });
    if (entry.real !== undefined) stopping.push(entry.real.then((real) => real?.stop()));
  }

  /** Brings a machine to where it must be by now. */
  function settle(entry: Entry): Entry {
    const time = now();
    if (entry.real === undefined && time >= entry.createdAt + (options.bootMs ?? 0)) {
      entry.upAt ??= entry.createdAt + (options.bootMs ?? 0);
    }
    if (entry.endsAt !== undefined && time >= entry.endsAt) finish(entry, "machine", entry.endsAt);
    if (entry.takenAt !== undefined && time >= entry.takenAt) finish(entry, "cloud", entry.takenAt);
    entry.state = stateOf(entry, time - (options.endMs ?? 0));
    return entry;
  }

  const isSeen = (entry: Entry): boolean => now() >= entry.createdAt + (options.lagMs ?? 0);
  const all = (): Entry[] => [...entries.values()].map(settle);

  return {
    stock: () => stock,
    launch(order) {
      const before = tokens.get(`${order.region}/${order.token ?? ""}`);
      if (before !== undefined) {
        settle(before);
        if (before.parameters !== order.parameters) return "token-mismatch";
        return before.endingAt === undefined ? { ...before } : "token-ended";
      }
      const { region, zone, type, market } = order;
      const row = rowOf({ region, zone, type, market });
      if (row === undefined) return "not-offered";
      if (row.count < 1) return "no-stock";
      const price = row.pricePerHour * next.factor;
      if (order.priceLimit !== undefined && price > order.priceLimit) {
        next.factor = 1;
        return "price";
      }
      Object.assign(row, { count: row.count - 1 });
      return { ...settle(begin(order, row)) };
    },
    list: (region) => all().filter((entry) => entry.region === region && isSeen(entry)),
    find: (region, id) =>
      all().find((one) => one.id === id && one.region === region && isSeen(one)),
    end(id, cause) {
      const entry = entries.get(id);
      if (cause === "user" && next.isIgnored) next.isIgnored = false;
      else if (entry !== undefined) finish(entry, cause, now());
    },
    setTimer(id, endsAt) {
      const entry = entries.get(id);
      if (endsAt === undefined) delete entry?.endsAt;
      else if (entry !== undefined) Object.assign(entry, { endsAt });
    },
    announce(id, noticeMs) {
      const entry = entries.get(id);
      if (entry === undefined) return;
      entry.takenAt = now() + noticeMs;
      setTimeout(() => void settle(entry), noticeMs + 1).unref();
    },
    setStock(selection, change) {
      for (const row of stock) if (matches(row, selection)) Object.assign(row, change);
    },
    repriceNext: (factor) => void (next.factor = factor),
    damageNext: () => void (next.isDamaged = true),
    ignoreNextEnd: () => void (next.isIgnored = true),
    age(ms) {
      for (const entry of all()) {
        entry.createdAt -= ms;
        for (const time of ["upAt", "endingAt", "takenAt", "endsAt"] as const) {
          if (entry[time] !== undefined) entry[time] -= ms;
        }
      }
    },
    bills: () => all().flatMap((entry) => toBill(entry, options.meter, now()) ?? []),
    async close() {
      for (const entry of all()) finish(entry, "cloud", now());
      await Promise.allSettled(stopping);
    },
  };
}

function stateOf({ upAt, endingAt }: Entry, endedBefore: number): CloudState {
  if (endingAt !== undefined) return endingAt <= endedBefore ? "terminated" : "shutting-down";
  return upAt === undefined ? "pending" : "running";
}

/** Somebody's tool has cut the values. */
function damage(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tags).map(([key, value]) => [key, `${value.slice(0, 1)}…`]),
  );
}
