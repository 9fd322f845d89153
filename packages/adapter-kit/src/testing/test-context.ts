import { randomBytes } from "node:crypto";
import type { AdapterContext } from "@gpujob/spec";
import { GpujobError, PlatformError, Secret } from "@gpujob/spec";
import { createRealClock } from "./real-clock.ts";

/** What a test gives an adapter; the rest is real time, real network and nothing to connect to. */
export interface TestContextOptions extends Partial<AdapterContext> {
  readonly platform: string;
  /** Answers to `{ env: NAME }`. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/** An adapter's context for tests. An adapter that keeps files must be given a `stateFolder`. */
export function createTestContext(options: TestContextOptions): AdapterContext {
  const { secrets = {}, ...over } = options;
  return {
    fetch: globalThis.fetch,
    clock: createRealClock(),
    log: () => {},
    newId: () => [...randomBytes(12)].map((byte) => (byte % 36).toString(36)).join(""),
    connect: () =>
      Promise.reject(new PlatformError("unreachable", "This test has no SSH connections.")),
    stateFolder: "/nonexistent/gpujob-test",
    currency: "CNY",
    resolveSecret: async (reference) => {
      const value = "env" in reference ? secrets[reference.env] : undefined;
      if (value !== undefined) return new Secret(value);
      throw new GpujobError("config_invalid", `The test has no ${JSON.stringify(reference)}.`);
    },
    ...over,
  };
}
