import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Currency, Secret } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import type { MockConfig } from "../config.ts";
import { openOwnMarket } from "../open-own-market.ts";
import { MarketError } from "../market/market-api.ts";
import { adminRoutes } from "./admin-routes.ts";
import { marketRoutes } from "./market-routes.ts";
import { callRoute, readRequest } from "./routes.ts";
import { sendOutcome, sendRefusal } from "./send-answer.ts";

/** What a market is served from. */
export interface ServeMarketOptions {
  /** Its offers and faults; it may not have an endpoint itself. */
  readonly config: MockConfig;
  /** Its name in its own file, log and meter; clients have their own name for it. */
  readonly platform: string;
  /** State folder of the market, made on first use. */
  readonly folder: string;
  readonly currency: Currency;
  /** 12 characters `[a-z0-9]`. */
  readonly newId: () => string;
  /** What clients must show. */
  readonly token: Secret;
  /** 0: any free one. */
  readonly port: number;
}

/** A market that answers on loopback. */
export interface MarketServer {
  readonly url: string;
  readonly port: number;
  /** Breaks what is open and stops listening. Machines stay. */
  close(): Promise<void>;
}

/**
 * Serves a market over HTTP on this computer's loopback address, so that its faults are events on a network.
 *
 * @throws GpujobError `usage` when the port is taken.
 */
export async function serveMarket(options: ServeMarketOptions): Promise<MarketServer> {
  const { folder, platform } = options;
  // Every plan loads this package; only who serves a market needs what serving it takes.
  const { createServer } = await import("node:http");
  const ended = new AbortController();
  const market = openOwnMarket(options.config, { ...options, stateFolder: folder });
  const routes = [
    ...marketRoutes(market, { folder, signal: ended.signal }),
    ...adminRoutes({ folder, platform }),
  ];
  const server = createServer((incoming, response) => {
    answer(incoming, response).catch(() => response.destroy());
  });

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { signal } = ended;
    try {
      refuseStrangers(incoming, options.token);
      const request = await readRequest(incoming);
      await sendOutcome(response, await callRoute(routes, request), signal);
    } catch (error) {
      sendRefusal(response, error);
    }
  }

  const port = await listen(server, options.port);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async close() {
      ended.abort();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      market.close();
    },
  };
}

async function listen(server: Server, wanted: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(
        new GpujobError("usage", `Port ${wanted} cannot be used: ${cause.message}.`, {
          hint: "Give another one, or none: then a free one is taken.",
        }),
      );
    });
    server.listen(wanted, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("A server without a port.");
  return address.port;
}

const localHosts = /^(?:127\.0\.0\.1|localhost)(?::\d+)?$/;

/** Pages in a browser of this computer must not rent machines: they lack the token, and may not even try it. */
function refuseStrangers({ headers }: IncomingMessage, token: Secret): void {
  if (!localHosts.test(headers.host ?? "") || headers.origin !== undefined) {
    throw new MarketError("forbidden", "this address is not for web pages");
  }
  const [shown, wanted] = [headers.authorization ?? "", `Bearer ${token.reveal()}`].map((text) =>
    Buffer.from(text),
  );
  const isSame =
    shown !== undefined && wanted?.length === shown.length && timingSafeEqual(shown, wanted);
  if (!isSame) {
    throw new MarketError("unauthorized", "the token is missing or wrong");
  }
}
