import { describe, it } from "vitest";
import { formatMoment, resolveMoment } from "./index.ts";
import { checkMoment } from "./moment.ts";

const now = Date.parse("2026-11-24T18:00:00Z");

function at(text: string, nowMs = now): string {
  return new Date(resolveMoment(text, nowMs)).toISOString();
}

describe("resolveMoment", () => {
  it("reads a date with a time in its own zone, however the zone is written", ({ expect }) => {
    const same = [
      "2026-12-01T02:00+08:00",
      "2026-12-01 02:00 +0800",
      "2026-12-01 02:00 Asia/Shanghai",
      "2026-11-30T18:00Z",
      "2026-11-30 18:00:00 UTC",
    ];
    for (const text of same) expect(at(text)).toBe("2026-11-30T18:00:00.000Z");
  });

  it("takes a time of day as the next one that is still to come where it is meant", ({
    expect,
  }) => {
    expect(at("18:00Z")).toBe("2026-11-25T18:00:00.000Z");
    expect(at("18:00:01Z")).toBe("2026-11-24T18:00:01.000Z");
    // It is 02:00 of the 25th there already.
    expect(at("02:30 Asia/Shanghai")).toBe("2026-11-24T18:30:00.000Z");
    expect(at("01:30+08:00")).toBe("2026-11-25T17:30:00.000Z");
    expect(at("9:00 America/New_York")).toBe("2026-11-25T14:00:00.000Z");
  });

  it("takes the first of an hour that comes twice, and moves on what is skipped", ({ expect }) => {
    expect(at("2026-11-01 01:30 America/New_York")).toBe("2026-11-01T05:30:00.000Z");
    expect(at("2026-03-08 02:30 America/New_York")).toBe("2026-03-08T07:30:00.000Z");
    expect(at("2026-03-29 02:30 Europe/Berlin")).toBe("2026-03-29T01:30:00.000Z");
    expect(at("2026-07-01 12:00 Europe/Berlin")).toBe("2026-07-01T10:00:00.000Z");
  });

  it("refuses what has no zone, no such day or no such place, and says what to write", ({
    expect,
  }) => {
    const complaint = (text: string): string => {
      try {
        return checkMoment(text);
      } catch (error) {
        return error instanceof Error ? error.message : "";
      }
    };
    expect(complaint("02:00")).toContain("zone");
    expect(complaint("2026-12-01T02:00")).toContain("zone");
    expect(complaint("2026-02-30T02:00Z")).toContain("day that there is");
    expect(complaint("02:00 Asia/Nowhere")).toContain("nobody knows Asia/Nowhere");
    expect(complaint("25:00Z")).toContain("time of day");
    expect(complaint("tomorrow")).toContain("nor a time of day");
    expect(checkMoment(" 2026-12-01   02:00 Asia/Shanghai")).toBe("2026-12-01 02:00 Asia/Shanghai");
  });

  it("is shown with how far it is", ({ expect }) => {
    expect(formatMoment(now + 5_400_000, now)).toBe("2026-11-24 19:30Z (in 1h 30m)");
    expect(formatMoment(now - 60_000, now)).toBe("2026-11-24 17:59Z (1m ago)");
  });
});
