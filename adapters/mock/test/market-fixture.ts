import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createRealClock, createTestContext } from "@gpujob/adapter-kit/testing";
import type { Lease, LeaseRequest, Offer, Platform } from "@gpujob/spec";
import { Secret } from "@gpujob/spec";
import mockAdapter, { addMarketFault, serveMarket, stopAllMachines } from "../src/index.ts";

/** A market in a folder of its own; everything ends with `close`. */
export interface TestMarket {
  /** The home that holds the state folder. */
  readonly home: string;
  readonly folder: string;
  readonly platform: Platform;
  readonly config: Record<string, unknown>;
  /** Lets the next call of its kind go wrong. */
  addFault(fault: Record<string, unknown>): void;
  /** Another driver of the same market, as a second process would have it. */
  open(platform?: string): Platform;
  close(): Promise<void>;
}

export const wait = { signal: AbortSignal.timeout(120_000) };

/** Opens a market with one offer, or with what `config` says. */
export async function openTestMarket(config: Record<string, unknown> = {}): Promise<TestMarket> {
  const home = await mkdtemp(join(tmpdir(), "gpujob-mock-"));
  const folder = join(home, "platforms", "mock");
  const written = { offers: [plainOffer()], ...config };
  const parsed = mockAdapter.configSchema.parse(written);
  const open = (platform = "cheap"): Platform =>
    mockAdapter.create(parsed, {
      platform,
      stateFolder: folder,
      currency: "CNY",
      clock: createRealClock(),
      newId: () => randomText(12),
      log: () => {},
      fetch: globalThis.fetch,
      connect: () => Promise.reject(new Error("No SSH in the mock market.")),
      resolveSecret: () => Promise.reject(new Error("No secrets in the mock market.")),
    });
  return {
    home,
    folder,
    platform: open(),
    config: written,
    open,
    addFault: (fault) => addMarketFault({ folder, platform: "cheap" }, { nth: 1, ...fault }),
    async close() {
      await stopAllMachines(folder);
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A market behind a server, and the platform that speaks to it over HTTP. */
export interface ServedMarket extends TestMarket {
  readonly url: string;
  readonly token: string;
}

/** Serves a market with one offer, or with what `config` says; `client` goes into the entry of the client. */
export async function openServedMarket(
  config: Record<string, unknown> = {},
  client: Record<string, unknown> = {},
): Promise<ServedMarket> {
  const home = await mkdtemp(join(tmpdir(), "gpujob-mock-"));
  const folder = join(home, "platforms", "market");
  const token = randomText(24);
  const newId = () => randomText(12);
  const server = await serveMarket({
    config: mockAdapter.configSchema.parse({ offers: [plainOffer()], ...config }),
    platform: "market",
    folder,
    currency: "CNY",
    newId,
    token: new Secret(token),
    port: 0,
  });
  const written = { endpoint: server.url, token: { env: "MARKET_TOKEN" }, ...client };
  const open = (platform = "cheap"): Platform =>
    mockAdapter.create(
      mockAdapter.configSchema.parse(written),
      createTestContext({
        platform,
        stateFolder: join(home, "platforms", platform),
        secrets: { MARKET_TOKEN: token },
      }),
    );
  return {
    home,
    folder,
    url: server.url,
    token,
    platform: open(),
    config: written,
    open,
    addFault: (fault) => addMarketFault({ folder, platform: "market" }, { nth: 1, ...fault }),
    async close() {
      await server.close();
      await stopAllMachines(folder);
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** An offer of the configuration as a user would write it. */
export function plainOffer(over: Record<string, unknown> = {}): Record<string, unknown> {
  return { type: "a", gpu: "RTX4090:24GB:1", price: "3.6 CNY/h", ...over };
}

/** A request for the first offer. */
export async function newRequest(
  platform: Platform,
  over: Partial<LeaseRequest> = {},
): Promise<LeaseRequest> {
  const offer: Offer | undefined = over.offer ?? (await platform.listOffers({}, wait))[0];
  if (offer === undefined) throw new Error("The market offers nothing.");
  const endsAtMs = Date.now() + 600_000;
  return {
    leaseKey: randomText(32),
    ownership: {
      installation: "testtest",
      run: randomText(6),
      attempt: 1,
      member: 0,
      expires: Math.floor(endsAtMs / 1000),
    },
    offer,
    nodes: 1,
    diskGib: 10,
    sshPublicKey: "ssh-ed25519 AAAA test",
    endsAt: new Date(endsAtMs).toISOString(),
    ...over,
  };
}

/** Looks again every few milliseconds; fails after half a minute. */
export async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadlineMs = performance.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error(`Waited in vain: ${look.toString()}`);
    await sleep(15);
  }
}

/** Waits for a state of a lease. */
export function untilState(
  platform: Platform,
  leaseId: string,
  state: Lease["state"],
): Promise<Lease> {
  return until(async () => {
    const lease = await platform.getLease(leaseId, wait);
    return lease?.state === state ? lease : undefined;
  });
}

/** Rents a machine and waits until it is up. */
export async function rentMachine(
  platform: Platform,
  over: Partial<LeaseRequest> = {},
): Promise<Lease> {
  const { leaseId } = await platform.createLease(await newRequest(platform, over), wait);
  return untilState(platform, leaseId, "up");
}

/** Runs a command on a machine and collects what it says. */
export async function runOn(
  platform: Platform,
  lease: Lease,
  argv: readonly string[],
): Promise<{
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}> {
  const node = lease.nodes[0];
  if (node === undefined || platform.openChannel === undefined) throw new Error("No channel.");
  const channel = await platform.openChannel(node, wait);
  const execution = channel.exec(argv, wait);
  execution.stdin.end();
  const [stdout, stderr, exit] = await Promise.all([
    readAll(execution.stdout),
    readAll(execution.stderr),
    execution.exit,
  ]);
  await channel.close();
  return { code: exit.code, stdout, stderr };
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk.toString();
  return text;
}

function randomText(length: number): string {
  return [...randomBytes(length)].map((byte) => (byte % 36).toString(36)).join("");
}
