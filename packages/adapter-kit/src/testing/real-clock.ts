import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "@gpujob/spec";

/** The system's own time, for tests whose other side is a real process or server. */
export function createRealClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    async sleep(ms, { signal }) {
      await delay(ms, undefined, { signal });
    },
  };
}
