import { describe, it } from "vitest";
import { shareNotice } from "./notice.ts";

const now = Date.UTC(2026, 10, 1);

describe("the time after a notice", () => {
  it("is shared by saving, fetching and releasing, whatever the grace is", ({ expect }) => {
    for (const leftMs of [1000, 5000, 30_000, 120_000]) {
      for (const graceMs of [2000, 60_000, 600_000]) {
        const { saveMs, fetchMs, releaseMs } = shareNotice(now, now + leftMs, { graceMs });
        expect(saveMs + fetchMs + releaseMs).toBeLessThanOrEqual(leftMs);
        expect(saveMs).toBe(Math.min(graceMs, leftMs - fetchMs - releaseMs));
        expect(fetchMs).toBe(leftMs * 0.4);
        expect(releaseMs).toBeGreaterThan(0);
      }
    }
  });

  it("goes to fetching where checkpoints take long to come home, but not all of it", ({
    expect,
  }) => {
    const graceMs = 60_000;
    const shares = shareNotice(now, now + 60_000, { graceMs, lastFetchMs: 30_000 });
    expect(shares).toMatchObject({ fetchMs: 30_000, saveMs: 28_000 });
    const slow = shareNotice(now, now + 60_000, { graceMs, lastFetchMs: 600_000 });
    expect(slow).toMatchObject({ fetchMs: 36_000, saveMs: 22_000 });
  });

  it("is taken for half a minute where the notice names no end, or one that cannot be", ({
    expect,
  }) => {
    for (const endsAt of [undefined, now - 3_600_000, now + 3_600_000]) {
      expect(shareNotice(now, endsAt, { graceMs: 60_000 }).leftMs).toBe(30_000);
    }
  });
});
