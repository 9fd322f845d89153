import type { EnginePlatform } from "@gpujob/engine";
import { toFailure } from "@gpujob/spec";
import type { SortedLeases } from "./audit-sort.ts";
import type { AuditLease } from "./gpujob.ts";

/** Releases leases that have no reason to exist; says of each what came of it. */
export async function fixLeases(
  fixable: SortedLeases["fixable"],
  { signal }: { readonly signal: AbortSignal },
): Promise<readonly AuditLease[]> {
  return Promise.all(
    fixable.map(async ({ seen, view }) => {
      const { platform } = seen.target;
      try {
        const { state } = await platform.releaseLease(seen.lease.leaseId, { signal });
        return { ...view, state, note: fixNote(state, seen.target) };
      } catch (error) {
        signal.throwIfAborted();
        return { ...view, note: `release failed: ${toFailure(error).message}` };
      }
    }),
  );
}

function fixNote(state: "released" | "releasing", { capabilities }: EnginePlatform): string {
  if (state === "released") return "released";
  return capabilities.release === "by-hand"
    ? "given back; ending it is yours"
    : "release asked for";
}
