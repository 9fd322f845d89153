import { join } from "node:path";
import type { MockMachine } from "./gpujob.ts";
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
