import { GpujobError } from "@gpujob/spec";
import { z } from "zod";
import { faultSchema } from "./config/fault-schema.ts";
import { addFault, clearFaults } from "./market/added-faults.ts";
import { inTransaction, openDatabase } from "./market/database.ts";
import type { Fault } from "./market/terms.ts";

/** A market in its folder, by the platform's name in it. */
export interface MarketFolder {
  readonly folder: string;
  readonly platform: string;
}

/**
 * Adds a fault, written as in the configuration, to a market that may be in use; `nth` counts from now. It stays until it
 * is cleared.
 *
 * @throws GpujobError `usage` when it is no fault.
 */
export function addMarketFault({ folder, platform }: MarketFolder, written: unknown): void {
  const fault = parseFault(written);
  withDatabase(folder, (database) =>
    inTransaction(database, () => addFault(database, platform, fault)),
  );
}

/** Takes back every fault that was added; those of the configuration stay. */
export function clearMarketFaults({ folder, platform }: MarketFolder): void {
  withDatabase(folder, (database) => clearFaults(database, platform));
}

function parseFault(written: unknown): Fault {
  const parsed = faultSchema.safeParse(written);
  if (parsed.success) return parsed.data;
  throw new GpujobError("usage", `That is no fault: ${z.prettifyError(parsed.error)}`, {
    hint: "Write it as in the configuration, such as { on: create, nth: 1, do: lose-reply }.",
  });
}

function withDatabase(
  folder: string,
  action: (database: ReturnType<typeof openDatabase>) => void,
): void {
  const database = openDatabase(folder);
  try {
    action(database);
  } finally {
    database.close();
  }
}
