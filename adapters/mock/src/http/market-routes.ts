import type { z } from "zod";
import type { MachineView, MarketApi } from "../market/market-api.ts";
import { MarketError } from "../market/market-api.ts";
import type { MarketRequest, Route } from "./routes.ts";
import { callMarket } from "./routes.ts";
import { createSchema, endSchema } from "./wire.ts";

/** What customers of a market can ask for. */
export function marketRoutes(
  market: MarketApi,
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): readonly Route[] {
  const wait = { signal };
  const accepted = { accepted: true };
  return [
    {
      method: "GET",
      path: "/v1/offers",
      run: () => callMarket(market.listOffers(wait), (offers) => ({ offers })),
    },
    {
      method: "POST",
      path: "/v1/machines",
      run: (request) =>
        callMarket(market.create(read(createSchema, request), wait), (machine) => ({ machine })),
    },
    {
      method: "GET",
      path: "/v1/machines",
      run: () => callMarket(market.list(wait), (machines) => ({ machines })),
    },
    {
      method: "GET",
      path: "/v1/machines/{id}",
      run: (_request, id) =>
        callMarket(market.describe(id, wait), (machine) => ({ machine: present(machine, id) })),
    },
    {
      method: "DELETE",
      path: "/v1/machines/{id}",
      run: (_request, id) =>
        callMarket(market.terminate(id, wait), (said) => {
          if (said === "absent") throw noSuchMachine(id);
          return accepted;
        }),
    },
    {
      method: "PUT",
      path: "/v1/machines/{id}/end",
      run: (request, id) =>
        callMarket(market.setEnd(id, read(endSchema, request).endsMs, wait), () => accepted),
    },
    {
      method: "GET",
      path: "/v1/machines/{id}/charges",
      run: (_request, id) => callMarket(market.readCharges(id, wait), (charges) => ({ charges })),
    },
    {
      method: "GET",
      path: "/v1/balance",
      run: () => callMarket(market.readBalance(wait), (balance) => ({ balance })),
    },
    // Where SSH would have an address: it is asked for apart from the platform's own calls, and meets no faults.
    { method: "GET", path: "/v1/place", run: () => ({ answer: { folder } }) },
  ];
}

function present(machine: MachineView | undefined, id: string): MachineView {
  if (machine === undefined) throw noSuchMachine(id);
  return machine;
}

function noSuchMachine(id: string): MarketError {
  return new MarketError("NoSuchMachine", `there is no machine ${id}`);
}

function read<T>(schema: z.ZodType<T>, { body }: MarketRequest): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const path = parsed.error.issues[0]?.path.join(".") ?? "";
  throw new MarketError("unsupported_request", `the request is not as it should be at "${path}"`);
}
