import { PlatformError, type Clock } from "@gpujob/spec";
import type { Hop } from "./handshake.ts";

const mostRejections = 3;
const forgetMs = 10 * 60_000;

/** Keeps rejected log-ins from being tried for ever: servers lock people out who do. */
export interface LoginGuard {
  /** Runs a log-in, or refuses it with the last rejection once three in a row were rejected within ten minutes. */
  watch<T>(hop: Hop, login: () => Promise<T>): Promise<T>;
}

/** Makes a guard that has seen nothing yet. Counts by address, user and ways of logging in. */
export function createLoginGuard(clock: Clock): LoginGuard {
  const seen = new Map<string, { count: number; atMs: number; failure: PlatformError }>();
  return {
    watch: async (hop, login) => {
      const key = JSON.stringify([hop.user, hop.host, hop.port, hop.steps.map(({ name }) => name)]);
      const before = seen.get(key);
      const isFresh = before !== undefined && clock.monotonic() - before.atMs < forgetMs;
      if (isFresh && before.count >= mostRejections)
        throw tooMany(before.failure, forgetMs - (clock.monotonic() - before.atMs));
      try {
        const answer = await login();
        seen.delete(key);
        return answer;
      } catch (error) {
        if (PlatformError.is(error) && error.kind === "unauthorized") {
          seen.set(key, {
            count: (isFresh ? before.count : 0) + 1,
            atMs: clock.monotonic(),
            failure: error,
          });
        }
        throw error;
      }
    },
  };
}

function tooMany(last: PlatformError, waitMs: number): PlatformError {
  const { kind: _kind, message, ...details } = last.failure;
  const text = `${message.replace(/\.$/, "")}, ${mostRejections} times in a row; not tried again for now.`;
  return new PlatformError("unauthorized", text, {
    ...details,
    retryAfterMs: Math.ceil(waitMs),
    cause: last,
  });
}
