import type { HttpRequest } from "@gpujob/adapter-kit";
import { createHttpClient } from "@gpujob/adapter-kit";
import type { AdapterContext, SecretReference } from "@gpujob/spec";
import { marketErrors, readRefusal } from "../errors.ts";
import type { MarketApi } from "../market/market-api.ts";
import {
  acceptedAnswer,
  balanceAnswer,
  chargesAnswer,
  machineAnswer,
  machinesAnswer,
  offersAnswer,
  placeAnswer,
} from "./wire.ts";

type Wait = { readonly signal: AbortSignal };

/** A market behind an HTTP server, and the folder of its machines. */
export interface MarketClient extends MarketApi {
  readonly readFolder: (wait: Wait) => Promise<string>;
}

/** Speaks to a served market through the kit's HTTP client, as the adapter of a real platform does. */
export function createMarketClient(options: {
  readonly endpoint: string;
  readonly token: SecretReference | undefined;
  readonly timeoutMs: number | undefined;
  readonly context: Pick<AdapterContext, "platform" | "fetch" | "clock" | "resolveSecret">;
}): MarketClient {
  const { endpoint, token, timeoutMs, context } = options;
  const { platform, fetch, clock } = context;
  const http = createHttpClient({
    platform,
    endpoint,
    fetch,
    clock,
    ...(token === undefined
      ? {}
      : {
          credentials: async () => ({ token: await context.resolveSecret(token) }),
          headers: (known: { readonly token: { reveal(): string } }) => ({
            authorization: `Bearer ${known.token.reveal()}`,
          }),
        }),
    errors: marketErrors,
    readFailure: readRefusal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  const pathOf = (leaseId: string, more = ""): string =>
    `/v1/machines/${encodeURIComponent(leaseId)}${more}`;
  /** May be repeated at will, so that an unclear answer to it is no unclear outcome. */
  const repeatable = <T>(
    request: Omit<HttpRequest<T>, "isWrite">,
    wait: Wait,
  ): Promise<T | undefined> => http.find({ ...request, isWrite: false }, wait);

  return {
    async listOffers(wait) {
      const request = { operation: "listOffers", path: "/v1/offers", schema: offersAnswer };
      return (await http.request(request, wait)).offers;
    },
    async create(order, wait) {
      const answer = await http.request(
        {
          operation: "createLease",
          method: "POST",
          path: "/v1/machines",
          body: { json: order },
          schema: machineAnswer,
        },
        wait,
      );
      return answer.machine;
    },
    async describe(leaseId, wait) {
      const request = { operation: "getLease", path: pathOf(leaseId), schema: machineAnswer };
      return (await http.find(request, wait))?.machine;
    },
    async list(wait) {
      const request = { operation: "listLeases", path: "/v1/machines", schema: machinesAnswer };
      return (await http.request(request, wait)).machines;
    },
    async terminate(leaseId, wait) {
      const answer = await repeatable(
        {
          operation: "releaseLease",
          method: "DELETE",
          path: pathOf(leaseId),
          schema: acceptedAnswer,
        },
        wait,
      );
      return answer === undefined ? "absent" : "accepted";
    },
    async setEnd(leaseId, endsMs, wait) {
      await http.request(
        {
          operation: "extendLease",
          method: "PUT",
          path: pathOf(leaseId, "/end"),
          body: { json: { endsMs } },
          schema: acceptedAnswer,
          isWrite: false,
        },
        wait,
      );
    },
    async readCharges(leaseId, wait) {
      const path = pathOf(leaseId, "/charges");
      const request = { operation: "readCharges", path, schema: chargesAnswer };
      return (await http.find(request, wait))?.charges ?? [];
    },
    async readBalance(wait) {
      const request = { operation: "getBalance", path: "/v1/balance", schema: balanceAnswer };
      return (await http.request(request, wait)).balance;
    },
    async readFolder(wait) {
      const request = { operation: "openChannel", path: "/v1/place", schema: placeAnswer };
      return (await http.request(request, wait)).folder;
    },
    close() {},
  };
}
