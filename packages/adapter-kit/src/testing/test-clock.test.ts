import { describe, it } from "vitest";
import { createTestClock } from "./index.ts";

const wait = { signal: new AbortController().signal };

describe("createTestClock", () => {
  it("wakes sleepers in the order of their times, and those that their work adds", async ({
    expect,
  }) => {
    const clock = createTestClock({ startMs: 1000 });
    const log: string[] = [];
    const nap = async (name: string, ms: number): Promise<void> => {
      await clock.sleep(ms, wait);
      log.push(`${name}@${clock.now()}`);
    };
    const naps = [nap("b", 20), nap("a", 10).then(() => nap("c", 5)), nap("late", 500)];
    await clock.advance(100);
    expect(log).toEqual(["a@1010", "c@1015", "b@1020"]);
    expect([clock.now(), clock.sleepers]).toEqual([1100, 1]);
    await clock.advance(400);
    await Promise.all(naps);
    expect(log.at(-1)).toBe("late@1500");
  });

  it("moves by itself with auto, as soon as everybody waits", async ({ expect }) => {
    const clock = createTestClock({ auto: true });
    const startMs = clock.monotonic();
    await Promise.all([clock.sleep(3_600_000, wait), clock.sleep(60_000, wait)]);
    await clock.sleep(1000, wait);
    expect(clock.monotonic() - startMs).toBe(3_601_000);
  });

  it("ends a sleep that is aborted, and jumps the wall clock alone", async ({ expect }) => {
    const clock = createTestClock({ startMs: 0 });
    const stop = new AbortController();
    const sleep = clock.sleep(1000, stop);
    stop.abort(new Error("enough"));
    await expect(sleep).rejects.toThrow("enough");
    await expect(clock.sleep(1, stop)).rejects.toThrow("enough");
    clock.jumpWall(-5000);
    expect([clock.now(), clock.monotonic(), clock.sleepers]).toEqual([-5000, 0, 0]);
  });
});
