import type { Platform, PlatformErrorKind } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { describe, it } from "vitest";
import { withDeadline, withRetry } from "./index.ts";
import {
  createFakePlatform,
  createTestClock,
  createTestOffer,
  createTestRequest,
} from "./testing/index.ts";

const wait = { signal: new AbortController().signal };

function setUp(options: { readonly auto?: boolean } = {}) {
  const clock = createTestClock(options);
  const offer = createTestOffer();
  const fake = createFakePlatform({ clock, offers: [offer] });
  const request = createTestRequest(offer, clock.now());
  const retrying = withRetry(fake.platform, { platform: "fake", clock, random: () => 1 });
  return { clock, fake, request, retrying };
}

async function kindOf(call: Promise<unknown>): Promise<PlatformErrorKind | "none"> {
  try {
    await call;
    return "none";
  } catch (error) {
    if (PlatformError.is(error)) return error.failure.kind;
    throw error;
  }
}

function callsOf(fake: ReturnType<typeof setUp>["fake"], on: string): number {
  return fake.calls.filter((call) => call.on === on).length;
}

describe("withRetry", () => {
  it("repeats a call that failed for a moment, with doubling waits", async ({ expect }) => {
    const { clock, fake, retrying } = setUp({ auto: true });
    fake.addFault({ on: "offers", nth: 1, times: 3, do: "error", kind: "unavailable" });
    const startMs = clock.monotonic();
    expect(await retrying.listOffers({}, wait)).toHaveLength(1);
    expect(clock.monotonic() - startMs).toBe(500 + 1000 + 2000);
  });

  it("gives up after its tries with the last error", async ({ expect }) => {
    const { fake, retrying } = setUp({ auto: true });
    fake.addFault({ on: "list", do: "error", kind: "unreachable" });
    expect(await kindOf(retrying.listLeases({ installation: "testinst" }, wait))).toBe(
      "unreachable",
    );
    expect(callsOf(fake, "list")).toBe(4);
  });

  it("waits as long as the platform asks, at most five minutes", async ({ expect }) => {
    const { clock, fake, retrying } = setUp({ auto: true });
    fake.failNext("get", "rate_limited", { retryAfterMs: 42_000 });
    await retrying.getLease("x", wait);
    expect(clock.monotonic()).toBe(42_000);
    fake.failNext("get", "rate_limited", { retryAfterMs: 3_600_000 });
    await retrying.getLease("x", wait);
    expect(clock.monotonic()).toBe(342_000);
  });

  it("never repeats a create", async ({ expect }) => {
    const { fake, retrying, request } = setUp({ auto: true });
    fake.failNext("create", "unavailable");
    expect(await kindOf(retrying.createLease(request, wait))).toBe("unavailable");
    expect(callsOf(fake, "create")).toBe(1);
  });

  it("does not repeat what will fail again", async ({ expect }) => {
    const { fake, retrying } = setUp({ auto: true });
    fake.failNext("offers", "unauthorized");
    expect(await kindOf(retrying.listOffers({}, wait))).toBe("unauthorized");
    expect(callsOf(fake, "offers")).toBe(1);
  });

  it("stops waiting when aborted", async ({ expect }) => {
    const { clock, fake, retrying } = setUp();
    fake.failNext("offers", "rate_limited", { retryAfterMs: 60_000 });
    const stop = new AbortController();
    const failing = kindOf(retrying.listOffers({}, stop));
    while (clock.sleepers === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    expect(await failing).toBe("aborted");
  });

  it("keeps optional methods as they are", ({ expect }) => {
    const { fake, retrying } = setUp();
    expect(Object.keys(retrying).toSorted()).toEqual(Object.keys(fake.platform).toSorted());
  });
});

describe("withDeadline", () => {
  function slow(over: Partial<Platform>) {
    const { clock, fake, request } = setUp();
    const platform = { ...fake.platform, ...over };
    const limits = { platform: "fake", clock, timeoutMs: 3000 };
    return { clock, request, limited: withDeadline(platform, limits) };
  }

  it("ends a call of an adapter that ignores its signal", async ({ expect }) => {
    const { clock, limited } = slow({ listOffers: () => new Promise(() => {}) });
    const failing = kindOf(limited.listOffers({}, wait));
    await clock.advance(3000);
    expect(await failing).toBe("unreachable");
  });

  it("calls a create that runs out of time unknown", async ({ expect }) => {
    const { clock, limited, request } = slow({ createLease: () => new Promise(() => {}) });
    const failing = kindOf(limited.createLease(request, wait));
    await clock.advance(3000);
    expect(await failing).toBe("outcome_unknown");
  });

  it("calls a create that is aborted on the way unknown, and one before it aborted", async ({
    expect,
  }) => {
    const { limited, request } = slow({ createLease: () => new Promise(() => {}) });
    const stop = new AbortController();
    const failing = kindOf(limited.createLease(request, stop));
    stop.abort();
    expect(await failing).toBe("outcome_unknown");
    expect(await kindOf(limited.createLease(request, stop))).toBe("aborted");
  });

  it("leaves no timer behind and passes answers on", async ({ expect }) => {
    const { clock, limited, request } = slow({});
    const lease = await limited.createLease(request, wait);
    expect((await limited.getLease(lease.leaseId, wait))?.state).toBe("up");
    expect(clock.sleepers).toBe(0);
  });
});
