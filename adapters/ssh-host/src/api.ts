import { runScript } from "@gpujob/adapter-kit";
import type { AdapterContext, Channel, NodeAccess } from "@gpujob/spec";
import { holderScript, hostScript } from "./host-script.ts";
import { readReport, type HostReport } from "./report.ts";

/** One connection to one host, in the words of its script. */
export interface HostApi {
  /** Cards, claims and leases, and what the vendors' tools say. */
  readState(wait: Wait): Promise<HostReport>;
  /** Reserves `count` of the given cards, in that order, or finds what this key reserved before. */
  create(request: CreateRequest, wait: Wait): Promise<HostReport>;
  readLease(leaseKey: string, wait: Wait): Promise<HostReport>;
  /** Moves the end, in seconds from now, and brings a lost holder back. */
  extend(
    request: { readonly leaseKey: string; readonly seconds: number },
    wait: Wait,
  ): Promise<HostReport>;
  release(leaseKey: string, wait: Wait): Promise<HostReport>;
}

/** What is written on the host with a reservation. */
export interface CreateRequest {
  readonly leaseKey: string;
  /** Packed ownership. */
  readonly name: string;
  readonly seconds: number;
  readonly count: number;
  readonly cards: readonly string[];
}

type Wait = { readonly signal: AbortSignal };

/** Where a host's script works. */
export interface HostPlace {
  /** For messages. */
  readonly name: string;
  readonly access: NodeAccess & { readonly kind: "ssh" };
  /** Folder shared by all users of the host. */
  readonly reservations: string;
  /** Folder whose free space counts; absent: the home. */
  readonly root?: string;
}

/** Connects, works and closes. */
export async function withHost<T>(
  context: AdapterContext,
  place: HostPlace,
  wait: Wait,
  work: (api: HostApi) => Promise<T>,
): Promise<T> {
  const channel = await context.connect(place.access, wait);
  try {
    return await work(createApi(channel, place));
  } finally {
    await channel.close().catch(() => undefined);
  }
}

function createApi(channel: Channel, place: HostPlace): HostApi {
  const call = async (
    operation: string,
    args: readonly string[],
    { signal }: Wait,
  ): Promise<HostReport> => {
    const { name, reservations } = place;
    const script = { name, text: hostScript, operation, args: [reservations, operation, ...args] };
    return readReport(await runScript(channel, script, { signal }));
  };
  return {
    readState: (wait) => call("state", [place.root ?? ""], wait),
    create: ({ leaseKey, name, seconds, count, cards }, wait) =>
      call(
        "create",
        [leaseKey, name, String(seconds), String(count), cards.join(" "), holderScript],
        wait,
      ),
    readLease: (leaseKey, wait) => call("lease", [leaseKey], wait),
    extend: ({ leaseKey, seconds }, wait) =>
      call("extend", [leaseKey, String(seconds), holderScript], wait),
    release: (leaseKey, wait) => call("release", [leaseKey], wait),
  };
}
