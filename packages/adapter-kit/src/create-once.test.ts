import { PlatformError } from "@gpujob/spec";
import { describe, it } from "vitest";
import { createOnce } from "./index.ts";

const signal = new AbortController().signal;

function setUp(create: () => Promise<string>, found?: string) {
  const log: string[] = [];
  const options = {
    platform: "acme",
    name: "gj-x",
    find: async () => {
      log.push("find");
      return found;
    },
    create: () => {
      log.push("create");
      return create();
    },
  };
  return { log, run: (wait = { signal }) => createOnce(options, wait) };
}

describe("createOnce", () => {
  it("looks first and makes nothing when the machine is there", async ({ expect }) => {
    const once = setUp(async () => "new", "old");
    expect(await once.run()).toBe("old");
    expect(once.log).toEqual(["find"]);
  });

  it("creates when there is none to be seen", async ({ expect }) => {
    const once = setUp(async () => "new");
    expect(await once.run()).toBe("new");
    expect(once.log).toEqual(["find", "create"]);
  });

  it("passes a plain refusal on", async ({ expect }) => {
    const once = setUp(async () => {
      throw new PlatformError("no_capacity", "sold out");
    });
    await expect(once.run()).rejects.toMatchObject({ failure: { kind: "no_capacity" } });
  });

  it.for(["unreachable", "unavailable", "contract_violation", "aborted"] as const)(
    "calls the outcome unknown after %s and does not try again",
    async (kind, { expect }) => {
      const once = setUp(async () => {
        throw new PlatformError(kind, "no answer", { requestId: "q-1" });
      });
      await expect(once.run()).rejects.toMatchObject({
        failure: { kind: "outcome_unknown", platform: "acme", requestId: "q-1" },
      });
      expect(once.log).toEqual(["find", "create"]);
    },
  );

  it("calls the outcome unknown after an error that is not ours", async ({ expect }) => {
    const once = setUp(() => Promise.reject(new TypeError("fetch failed")));
    await expect(once.run()).rejects.toMatchObject({ failure: { kind: "outcome_unknown" } });
  });

  it("makes nothing once aborted", async ({ expect }) => {
    const once = setUp(async () => "new");
    const wait = { signal: AbortSignal.abort() };
    await expect(once.run(wait)).rejects.toMatchObject({ failure: { kind: "aborted" } });
    expect(once.log).not.toContain("create");
  });
});
