import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PlatformConfig } from "@gpujob/spec";
import { GpujobError, parsePlatformSettings, Secret } from "@gpujob/spec";
import { parse } from "yaml";
import type { MockMachine, MockServer, ServeMockOptions } from "./gpujob.ts";
import type { Workshop } from "./workshop.ts";

/** What every mock market of this home would bill, by its own records. */
export async function meterOf({
  around,
}: Workshop): Promise<{ readonly machines: readonly MockMachine[] }> {
  const { readMeter } = await import("@gpujob/adapter-mock");
  return readMeter(join(around.home, "platforms"), { nowMs: around.clock.now() });
}

/** Ends every mock machine of this home and forgets the markets. */
export async function resetMarkets({ around }: Workshop): Promise<{ readonly machines: number }> {
  const { resetMarket } = await import("@gpujob/adapter-mock");
  return { machines: await resetMarket(join(around.home, "platforms")) };
}

/** Serves one market of this home over HTTP on loopback; see `Gpujob.mockServe`. */
export async function serveMockMarket(
  workshop: Workshop,
  options: ServeMockOptions,
): Promise<MockServer> {
  const { around } = workshop;
  const { default: adapter, readMeter, serveMarket } = await import("@gpujob/adapter-mock");
  const { config } = (await workshop.setUp()).configuration;
  const entry =
    options.platform === undefined
      ? ownMarket
      : findMarket(config.platforms, options.platform, "serve");
  const given = {
    ...(options.faults.length === 0 ? {} : { faults: options.faults.map(readFault) }),
    ...(options.random === undefined ? {} : { random: options.random }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  };
  const settings = { ...entry.settings, ...given };
  const folder = join(around.home, "platforms", entry.name);
  const tokenFile = join(folder, "token");
  const server = await serveMarket({
    config: parsePlatformSettings(adapter, { ...entry, settings }),
    platform: entry.name,
    folder,
    currency: config.currency,
    newId: around.newId,
    token: await keepToken(folder, tokenFile, around.newId),
    port: options.port,
  });
  return {
    platform: entry.name,
    url: server.url,
    tokenFile,
    async close() {
      await server.close();
      const { machines } = readMeter(folder);
      return { billing: machines.filter(({ endedAt }) => endedAt === null) };
    },
  };
}

/** Adds a fault to a market of this home, or takes back all that were added; see `Gpujob.mockFault`. */
export async function changeFaults(
  workshop: Workshop,
  platform: string,
  fault: string | undefined,
): Promise<void> {
  const { around } = workshop;
  const { addMarketFault, clearMarketFaults } = await import("@gpujob/adapter-mock");
  if (platform !== ownMarket.name) {
    findMarket((await workshop.setUp()).configuration.config.platforms, platform, "change");
  }
  const market = { folder: join(around.home, "platforms", platform), platform };
  if (fault === undefined) clearMarketFaults(market);
  else addMarketFault(market, readFault(fault));
}

/** What is served when no platform is named: enough for any first job. */
const ownMarket: PlatformConfig = {
  name: "market",
  adapter: "mock",
  timeouts: {},
  origin: "gpujob mock serve",
  settings: {
    offers: [
      { type: "rtx4090", gpu: "RTX4090:24GB:1", price: "1.98 CNY/h" },
      { type: "rtx4090-spot", gpu: "RTX4090:24GB:1", price: "0.99 CNY/h", market: "spot" },
      { type: "a100", gpu: "A100:80GB:1", price: "6.6 CNY/h" },
      { type: "h100x8", gpu: "H100:80GB:8", price: "120 CNY/h", interconnect: "nvswitch" },
      { type: "cpu", price: "0.3 CNY/h", cpu: 8, memory: "32GB" },
    ],
  },
};

function findMarket(
  platforms: readonly PlatformConfig[],
  name: string,
  verb: string,
): PlatformConfig {
  const markets = platforms.filter(
    ({ adapter, settings }) => adapter === "mock" && settings["endpoint"] === undefined,
  );
  const found = markets.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = markets.map((each) => each.name).join(", ");
  throw new GpujobError("usage", `There is no mock market ${name} here to ${verb}.`, {
    hint: names === "" ? "Give a platform adapter: mock and offers." : `There are ${names}.`,
  });
}

function readFault(text: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    throw new GpujobError("usage", `That is no fault: ${text}`, {
      hint: 'Write it as in the configuration: "{ on: create, nth: 1, do: lose-reply }".',
      cause,
    });
  }
}

/** The same token at each start, so that a server may be started again under its clients. */
async function keepToken(folder: string, path: string, newId: () => string): Promise<Secret> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await writeFile(path, `${newId()}${newId()}${newId()}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const isThere = error instanceof Error && "code" in error && error.code === "EEXIST";
    if (!isThere) throw error;
  }
  return new Secret((await readFile(path, "utf8")).trim());
}
