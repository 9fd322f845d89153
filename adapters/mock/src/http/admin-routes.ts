import { GpujobError } from "@gpujob/spec";
import { z } from "zod";
import type { MarketFolder } from "../change-faults.ts";
import { addMarketFault, clearMarketFaults } from "../change-faults.ts";
import { readCalls } from "../market/calls.ts";
import { interruptMachine } from "../market/interrupt-machine.ts";
import { MarketError } from "../market/market-api.ts";
import { readMeter } from "../market/meter.ts";
import type { Route } from "./routes.ts";

/** The hands that turn the market, and its meter. Never counted as calls, and never faulty. */
export function adminRoutes(market: MarketFolder): readonly Route[] {
  const { folder } = market;
  return [
    { method: "GET", path: "/admin/meter", run: () => ({ answer: readMeter(folder) }) },
    {
      method: "GET",
      path: "/admin/calls",
      run: () => ({ answer: { calls: readCalls(folder) } }),
    },
    {
      method: "POST",
      path: "/admin/faults",
      run: ({ body }) => {
        add(market, body);
        return { answer: { accepted: true } };
      },
    },
    {
      method: "DELETE",
      path: "/admin/faults",
      run: () => {
        clearMarketFaults(market);
        return { answer: { accepted: true } };
      },
    },
    {
      method: "POST",
      path: "/admin/machines/{id}/interrupt",
      run: ({ body }, id) => {
        const parsed = z.strictObject({ noticeMs: z.int().min(0) }).safeParse(body);
        if (!parsed.success) throw new MarketError("unsupported_request", "noticeMs is missing");
        if (!interruptMachine(folder, id, parsed.data)) {
          throw new MarketError("NoSuchMachine", `no machine ${id} is up`);
        }
        return { answer: { accepted: true } };
      },
    },
  ];
}

function add(market: MarketFolder, body: unknown): void {
  try {
    addMarketFault(market, body);
  } catch (error) {
    if (!GpujobError.is(error)) throw error;
    throw new MarketError("unsupported_request", error.message);
  }
}
