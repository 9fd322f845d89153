import type { Freshness } from "@gpujob/sdk";
import { booleanFlag, usage } from "../flags.ts";

/** Flags of commands that only look at offers. */
export const freshnessFlags = {
  refresh: booleanFlag("Ask every platform, also those that answered a moment ago"),
  cached: booleanFlag("Ask nobody: what was offered when it was last asked for"),
};

/** Throws `usage` where both are given. */
export function readFreshness(flags: {
  readonly refresh: boolean;
  readonly cached: boolean;
}): Freshness {
  if (flags.refresh && flags.cached) {
    throw usage("--refresh asks every platform and --cached asks none: give one of them.");
  }
  if (flags.refresh) return "refresh";
  return flags.cached ? "cached" : "usual";
}
