import { createRealClock, createTestContext } from "@gpujob/adapter-kit/testing";
import type { AdapterContext, Clock, Platform } from "@gpujob/spec";
import autodl from "../src/index.ts";
import type { FakeAutodl } from "./fake-autodl.ts";
import { autodlToken } from "./fake-autodl.ts";

/** Real time, but the adapter's short waits between two looks are over at once, and count all the same. */
function hastyClock(): Clock {
  const clock = createRealClock();
  let skippedMs = 0;
  return {
    now: () => clock.now() + skippedMs,
    monotonic: () => clock.monotonic() + skippedMs,
    sleep(ms, wait) {
      if (ms > 5000) return clock.sleep(ms, wait);
      skippedMs += ms;
      return clock.sleep(1, wait);
    },
  };
}

/** The adapter as a user's configuration would make it, on the fake. */
export function openAutodl(
  fake: Pick<FakeAutodl, "url">,
  settings: object = {},
  over: Partial<AdapterContext> = {},
): { readonly platform: Platform; readonly config: object } {
  const config = { token: { env: "AUTODL_TOKEN" }, endpoint: fake.url, ...settings };
  const context = createTestContext({
    platform: "autodl",
    secrets: { AUTODL_TOKEN: autodlToken },
    clock: hastyClock(),
    ...over,
  });
  return { platform: autodl.create(autodl.configSchema.parse(config), context), config };
}
