import { describe, it } from "vitest";
import type { MarketCall } from "@gpujob/adapter-mock";
import { cardJob, playServed } from "./support/play-served.ts";

/** What a call that met this fault was followed by, in milliseconds. */
function waitAfter(calls: readonly MarketCall[], name: string, nth: number): number {
  const own = calls.filter(({ call }) => call === name);
  const [refused, next] = own.slice(nth - 1);
  return Date.parse(next?.at ?? "") - Date.parse(refused?.at ?? "");
}

describe("answers of a platform over HTTP", () => {
  it("that are pages, empty, cut, of another shape, too large, refusals in 200, broken or too slow change nothing", async ({
    expect,
  }) => {
    const junk = ["html", "empty", "cut", "wrong-type", "huge", "refusal"];
    const played = await playServed({
      timeout: "1s",
      job: cardJob("sleep 3"),
      faults: [
        ...junk.map((as, index) => `on: get, nth: ${index + 1}, do: junk, as: ${as}`),
        "on: get, nth: 7, do: break",
        "on: get, nth: 8, do: trickle, by: 1m",
        "on: get, nth: 9, do: status, status: 502, body: html",
        "on: get, nth: 10, do: status, status: 500, body: empty",
        ...junk.map((as, index) => `on: release, nth: ${index + 1}, do: junk, as: ${as}`),
      ],
    });
    expect(played).toMatchObject({ code: 3, offers: ["a"], violations: [] });
    const struck = played.calls.filter(({ call, fault }) => call === "get" && fault !== null);
    expect(struck.length).toBeGreaterThanOrEqual(10);
  });

  it("that ask to wait are obeyed, in seconds and as a date", async ({ expect }) => {
    const played = await playServed({
      faults: [
        "on: get, nth: 1, do: status, status: 429, retryAfter: 3s",
        "on: get, nth: 3, do: status, status: 503, retryAfter: 3s, retryAfterAs: date",
        "on: create, nth: 1, do: error, kind: rate_limited, retryAfter: 2s",
      ],
    });
    expect(played).toMatchObject({ code: 3, violations: [] });
    for (const nth of [1, 3]) {
      expect(waitAfter(played.calls, "get", nth)).toBeGreaterThanOrEqual(2900);
    }
  });

  it("that go wrong by chance leak nothing, run nothing twice and hide no cost", async ({
    expect,
  }) => {
    const job = cardJob("sleep 2", "retry: { interruptions: 50 }\n");
    const seeds = [1, 2, 3, 4, 5, 6];
    const played = await Promise.all(
      seeds.map((seed) => playServed({ job, serve: ["--random", "0.25", "--seed", String(seed)] })),
    );
    for (const [index, { code, violations }] of played.entries()) {
      expect({ seed: seeds[index], code, violations }).toMatchObject({ code: 3, violations: [] });
    }
    const struck = played.flatMap(({ calls }) => calls.flatMap(({ fault }) => fault ?? []));
    expect(new Set(struck).size).toBeGreaterThan(4);
  });
});
