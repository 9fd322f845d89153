import type { Offer } from "@gpujob/spec";
import { describe, it } from "vitest";
import type { FakePlatformOptions } from "./index.ts";
import {
  createFakePlatform,
  createTestClock,
  createTestOffer,
  createTestRequest,
} from "./index.ts";

const wait = { signal: new AbortController().signal };
const mine = { installation: "testinst" };

function setUp(options: Partial<FakePlatformOptions> = {}, offer: Partial<Offer> = {}) {
  const clock = createTestClock({ startMs: Date.UTC(2026, 10, 1) });
  const offers = [createTestOffer(offer)];
  const fake = createFakePlatform({ clock, offers, ...options });
  let serial = 0;
  const rent = () => {
    const leaseKey = `k${String(serial++).padStart(31, "0")}`;
    const [first = createTestOffer()] = offers;
    return fake.platform.createLease(createTestRequest(first, clock.now(), { leaseKey }), wait);
  };
  const read = (leaseId: string) => fake.platform.getLease(leaseId, wait);
  const release = (leaseId: string) => fake.platform.releaseLease(leaseId, wait);
  return { clock, fake, rent, read, release, platform: fake.platform };
}

describe("the fake platform", () => {
  it("boots, bills by the offer's rule and ends", async ({ expect }) => {
    const billing = { unitSeconds: 60, minimumSeconds: 300 };
    const price = { perHour: { currency: "CNY", micros: 3_600_000 }, billing, source: "live" };
    const { clock, fake, rent, read, release } = setUp(
      { bootMs: 30_000, releaseMs: 5000 },
      { price: { ...price, source: "live" } },
    );
    const { leaseId, state } = await rent();
    expect(state).toBe("pending");
    expect(fake.bills()[0]?.seconds).toBe(300);
    await clock.advance(30_000);
    expect((await read(leaseId))?.state).toBe("up");
    await clock.advance(570_000);
    expect(await release(leaseId)).toEqual({ state: "releasing", againAfterMs: 5000 });
    expect((await read(leaseId))?.isBillable).toBe(true);
    await clock.advance(5000);
    expect(await release(leaseId)).toEqual({ state: "released" });
    await clock.advance(3_600_000);
    expect(fake.bills()).toEqual([
      {
        leaseId,
        leaseKey: `k${"0".repeat(31)}`,
        offerId: "a",
        startedAt: "2026-11-01T00:00:00.000Z",
        endedAt: "2026-11-01T00:10:05.000Z",
        seconds: 660,
        amount: { currency: "CNY", micros: 660_000 },
      },
    ]);
  });

  it("sells no more than it has", async ({ expect }) => {
    const { rent, release, platform } = setUp({}, { availability: 1 });
    const { leaseId } = await rent();
    expect((await platform.listOffers({}, wait))[0]?.availability).toBe("none");
    await expect(rent()).rejects.toMatchObject({ failure: { kind: "no_capacity" } });
    await release(leaseId);
    await rent();
  });

  it("fails the nth calls that its script names", async ({ expect }) => {
    const { rent, fake } = setUp({
      faults: [{ on: "create", nth: 2, times: 2, do: "error", kind: "quota_exceeded" }],
    });
    await rent();
    await expect(rent()).rejects.toMatchObject({ failure: { kind: "quota_exceeded" } });
    await expect(rent()).rejects.toMatchObject({ failure: { kind: "quota_exceeded" } });
    await rent();
    expect(fake.machines()).toHaveLength(2);
  });

  it("loses a reply after the effect, and shows the machine late", async ({ expect }) => {
    const { clock, rent, platform, fake } = setUp({ lagMs: 40_000 });
    fake.faultNext({ on: "create", do: "lose-reply" });
    await expect(rent()).rejects.toMatchObject({ failure: { kind: "outcome_unknown" } });
    expect(await platform.listLeases(mine, wait)).toEqual([]);
    await clock.advance(40_000);
    expect(await platform.listLeases(mine, wait)).toHaveLength(1);
  });

  it("makes two machines of one key where it has no token", async ({ expect }) => {
    const { clock, platform, fake } = setUp({ capabilities: { idempotency: "none" } });
    const request = createTestRequest(createTestOffer(), clock.now());
    await platform.createLease(request, wait);
    await platform.createLease(request, wait);
    expect(fake.machines()).toHaveLength(2);
  });

  it("ignores a release, loses its answer, or takes its time", async ({ expect }) => {
    const { clock, rent, read, release, fake } = setUp();
    const { leaseId } = await rent();
    fake.faultNext({ on: "release", do: "ignore" });
    expect((await release(leaseId)).state).toBe("releasing");
    await clock.advance(60_000);
    expect((await read(leaseId))?.state).toBe("up");
    fake.faultNext({ on: "release", do: "linger", byMs: 1000 });
    expect((await release(leaseId)).state).toBe("releasing");
    await clock.advance(1000);
    expect((await read(leaseId))?.state).toBe("ended");
    const second = await rent();
    fake.faultNext({ on: "release", do: "lose-reply" });
    await expect(release(second.leaseId)).rejects.toMatchObject({
      failure: { kind: "outcome_unknown" },
    });
    expect((await read(second.leaseId))?.state).toBe("ended");
  });

  it("interrupts with a notice, or without", async ({ expect }) => {
    const { clock, rent, read, platform } = setUp({
      bootMs: 1000,
      faults: [
        { on: "lease", nth: 1, do: "interrupt", afterMs: 20_000, noticeMs: 5000 },
        { on: "lease", nth: 2, do: "die", afterMs: 20_000 },
      ],
    });
    const [first, second] = [await rent(), await rent()];
    await clock.advance(20_999);
    expect(await platform.watchInterruption?.(first.leaseId, wait)).toBeUndefined();
    expect((await read(second.leaseId))?.state).toBe("up");
    await clock.advance(1);
    expect(await platform.watchInterruption?.(first.leaseId, wait)).toMatchObject({
      endsAt: "2026-11-01T00:00:26.000Z",
    });
    expect(await read(second.leaseId)).toMatchObject({
      state: "ended",
      reason: "hardware failure",
    });
    expect((await read(first.leaseId))?.state).toBe("up");
    await clock.advance(5000);
    expect(await read(first.leaseId)).toMatchObject({ state: "ended", isBillable: false });
  });

  it("boots slowly, fails to boot, or never boots", async ({ expect }) => {
    const { clock, rent, read } = setUp({
      bootMs: 1000,
      faults: [
        { on: "lease", nth: 1, do: "slow-boot", byMs: 9000 },
        { on: "lease", nth: 2, do: "fail-boot" },
        { on: "lease", nth: 3, do: "never-boot" },
      ],
    });
    const leases = [await rent(), await rent(), await rent()];
    const states = async () =>
      Promise.all(leases.map(async ({ leaseId }) => (await read(leaseId))?.state));
    await clock.advance(1000);
    expect(await states()).toEqual(["pending", "failed", "pending"]);
    await clock.advance(9000);
    expect(await states()).toEqual(["up", "failed", "pending"]);
  });

  it("does to the bill at power-off what its capability says", async ({ expect }) => {
    const afterPowerOff = async (powerOff: "stops" | "ends" | "none") => {
      const { rent, read, fake } = setUp({ capabilities: { powerOff } });
      const { leaseId } = await rent();
      fake.powerOff(leaseId);
      const lease = await read(leaseId);
      return [lease?.state, lease?.isBillable];
    };
    expect(await afterPowerOff("stops")).toEqual(["stopped", false]);
    expect(await afterPowerOff("ends")).toEqual(["ended", false]);
    expect(await afterPowerOff("none")).toEqual(["up", true]);
  });

  it("moves its own end timer and ends by it", async ({ expect }) => {
    const { clock, rent, read, platform } = setUp({ capabilities: { autoRelease: true } });
    const { leaseId } = await rent();
    await platform.extendLease?.(leaseId, "2026-11-01T02:00:00.000Z", wait);
    await clock.advance(7_199_000);
    expect((await read(leaseId))?.state).toBe("up");
    await clock.advance(1000);
    expect(await read(leaseId)).toMatchObject({ state: "ended", reason: "end time reached" });
  });

  it("delays a call and lets it be aborted meanwhile", async ({ expect }) => {
    const { clock, platform, fake } = setUp();
    fake.faultNext({ on: "offers", do: "delay", byMs: 5000 });
    const listing = platform.listOffers({}, wait);
    await clock.advance(5000);
    expect(await listing).toHaveLength(1);
    fake.faultNext({ on: "offers", do: "delay", byMs: 5000 });
    const stop = new AbortController();
    const failing = platform.listOffers({}, stop);
    stop.abort();
    await expect(failing).rejects.toMatchObject({ failure: { kind: "aborted" } });
  });

  it("logs every call with its time", async ({ expect }) => {
    const { clock, fake, rent, read } = setUp();
    const { leaseId } = await rent();
    await clock.advance(10);
    await read(leaseId);
    const startMs = Date.UTC(2026, 10, 1);
    expect(fake.calls).toEqual([
      { on: "create", subject: `k${"0".repeat(31)}`, atMs: startMs },
      { on: "get", subject: leaseId, atMs: startMs + 10 },
    ]);
  });
});
