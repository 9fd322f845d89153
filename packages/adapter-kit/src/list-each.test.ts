import type { Lease } from "@gpujob/spec";
import { IncompleteListError, PlatformError } from "@gpujob/spec";
import { describe, it } from "vitest";
import { listEach } from "./list-each.ts";
import { createTestClock } from "./testing/test-clock.ts";

const lease: Lease = { leaseId: "m-1", state: "up", isBillable: true, nodes: [] };
const place = { platform: "lab", operation: "listLeases" };
const wait = { signal: new AbortController().signal };
const nameOf = (part: string): string => part;

describe("leases of several machines", () => {
  it("are one list when all answer", async ({ expect }) => {
    const options = { place, clock: createTestClock(), nameOf, read: async () => [lease] };
    expect(await listEach(["a", "b"], options, wait)).toEqual([lease, lease]);
  });

  it("are kept when one machine fails and another never answers, which are named", async ({
    expect,
  }) => {
    const clock = createTestClock();
    const read = async (part: string): Promise<readonly Lease[]> => {
      if (part === "a") return [lease];
      if (part === "b") throw new PlatformError("unreachable", "lab: b: no answer");
      return new Promise(() => {});
    };
    const listing = listEach(["a", "b", "c"], { place, clock, nameOf, read }, wait).catch(
      (error: unknown) => error,
    );
    await clock.advance(10_000);
    const error = await listing;
    expect(IncompleteListError.is(error)).toBe(true);
    expect(error).toMatchObject({
      failure: {
        kind: "unreachable",
        operation: "listLeases",
        message: "lab: 2 of 3 cannot be asked about leases (b, c): lab: b: no answer",
      },
      listed: [lease],
    });
  });

  it("of one machine that fails are its own error", async ({ expect }) => {
    const failure = new PlatformError("unauthorized", "lab: a: refused");
    const read = () => Promise.reject(failure);
    const options = { place, clock: createTestClock(), nameOf, read };
    await expect(listEach(["a"], options, wait)).rejects.toBe(failure);
  });

  it("are not asked for any more once the caller has gone", async ({ expect }) => {
    const gone = { signal: AbortSignal.abort() };
    const options = { place, clock: createTestClock(), nameOf, read: async () => [lease] };
    await expect(listEach(["a", "b"], options, gone)).rejects.toMatchObject({
      failure: { kind: "aborted" },
    });
  });
});
