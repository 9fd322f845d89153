import { parseJobFile } from "@gpujob/spec";
import type { JobSpec } from "@gpujob/spec";
import { describe, it } from "vitest";
import { beginNow, sayMoments, settleMoments } from "./settle-moments.ts";

const now = Date.parse("2026-11-24T18:00:00Z");

function job(text: string): JobSpec {
  return parseJobFile({
    text: `run: "true"\n${text}`,
    path: "/home/ada/train.yaml",
    resolveName: () => undefined,
  });
}

function complaint(call: () => unknown): string {
  try {
    call();
    return "accepted";
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
}

describe("startAt and deadline", () => {
  it("become points in time at submit, the deadline after the start", ({ expect }) => {
    const settled = settleMoments(job("startAt: 02:00+08:00\ndeadline: 8:00 Asia/Shanghai"), now);
    expect(settled).toMatchObject({
      // 02:00 of the 25th is now, so it is the next one.
      startAt: "2026-11-25T18:00:00.000Z",
      deadline: "2026-11-26T00:00:00.000Z",
    });
    expect(sayMoments(settled, now)).toEqual([
      "starts at 2026-11-25 18:00Z (in 1d)",
      "deadline 2026-11-26 00:00Z (in 1d 6h)",
    ]);
    expect(settleMoments(job("name: plain"), now)).toEqual(job("name: plain"));
  });

  it("are refused when they are over or in the wrong order", ({ expect }) => {
    expect(complaint(() => settleMoments(job("startAt: 2026-11-24T17:00Z"), now))).toBe(
      "startAt is over: 2026-11-24 17:00Z (1h ago).",
    );
    expect(complaint(() => settleMoments(job("deadline: 2026-11-24T17:00Z"), now))).toContain(
      "deadline is over",
    );
    const wrong = job("startAt: 2026-11-26T00:00Z\ndeadline: 2026-11-25T00:00Z");
    expect(complaint(() => settleMoments(wrong, now))).toContain("not after startAt");
  });

  it("do not hold up a retry, which a deadline that is over ends", ({ expect }) => {
    const old = settleMoments(job("startAt: 19:00Z\ndeadline: 23:00Z"), now);
    expect(beginNow(old, "r-k3v9x2", now)).not.toHaveProperty("startAt");
    expect(complaint(() => beginNow(old, "r-k3v9x2", now + 86_400_000))).toContain(
      "The deadline of r-k3v9x2 is over",
    );
  });
});
