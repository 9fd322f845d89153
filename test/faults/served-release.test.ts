import { readCalls } from "@gpujob/adapter-mock";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "vitest";
import { until } from "./support/fault-home.ts";
import type { FaultHome } from "./support/fault-home.ts";
import { cardJob, playServed, readPlayed, serveFor } from "./support/play-served.ts";
import type { PlayedRun } from "./support/play-served.ts";

function releasesOf({ calls }: PlayedRun): readonly (string | null)[] {
  return calls.flatMap(({ call, fault }) => (call === "release" ? [fault] : []));
}

/** The hours until the machine's end timer go by at once: only its keeper is there to see it. */
function bringTimerForward(market: string): void {
  const database = new DatabaseSync(join(market, "market.sqlite"));
  const { changes } = database.prepare("UPDATE machines SET ends_ms = ?").run(Date.now() + 2000);
  database.close();
  if (changes !== 1) throw new Error("There is no machine with a timer.");
}

async function untilEnded(home: FaultHome): Promise<void> {
  await home.run(["ps"]);
  await until(
    "nothing of the run bills",
    async () => home.look(async (gpujob) => (await gpujob.showRun(undefined)).billing === "ended"),
    120_000,
  );
}

describe("a machine that is given back over HTTP", () => {
  it("is given back until it is gone, when the release is throttled, fails, is lost, times out and breaks off", async ({
    expect,
  }) => {
    const played = await playServed({
      timeout: "1s",
      faults: [
        "on: release, nth: 1, do: status, status: 429, retryAfter: 1s",
        "on: release, nth: 2, do: status, status: 503, body: html",
        "on: release, nth: 3, do: delay, by: 1h",
        "on: release, nth: 3, do: ignore",
        "on: release, nth: 4, do: lose-reply",
        "on: release, nth: 4, do: ignore",
        "on: release, nth: 5, do: break",
        "on: release, nth: 5, do: ignore",
      ],
    });
    expect(played).toMatchObject({ code: 3, offers: ["a"], violations: [] });
    expect(releasesOf(played).length).toBeGreaterThan(5);
  });

  it("is not believed to be gone because a release says that there is none", async ({ expect }) => {
    const played = await playServed({ faults: ["on: release, nth: [1, 2], do: absent"] });
    expect(played).toMatchObject({ code: 3, offers: ["a"], violations: [] });
    expect(releasesOf(played).slice(0, 2)).toEqual(["absent", "absent"]);
    expect(releasesOf(played).length).toBeGreaterThan(2);
  });

  it("is not believed to be gone because one look says that there is none", async ({ expect }) => {
    const played = await playServed({
      faults: [
        "on: release, nth: [1, 2], do: ignore",
        // Of the looks of the whole run every third, so that one falls into the release.
        `on: get, nth: [${Array.from({ length: 20 }, (_, index) => 3 * index + 3).join(", ")}], do: absent`,
      ],
    });
    expect(played).toMatchObject({ code: 3, offers: ["a"], violations: [] });
  });

  it("is not gone before the disk is that it left behind, which bills on", async ({ expect }) => {
    const offers = `      - { type: a, gpu: "RTX4090:24GB:1", price: 1 CNY/h, disk: 100GB }\n`;
    const left = "on: release, nth: [1, 2], do: leave-disk";
    const played = await playServed({ offers, faults: [left] });
    expect(played).toMatchObject({ code: 3, offers: ["a"], violations: [] });
    expect(releasesOf(played).slice(0, 2)).toEqual(["leave-disk", "leave-disk"]);
    expect(releasesOf(played).length).toBeGreaterThan(2);
    // Nobody may call it proven while the market still shows the disk.
    const proof = await played.home.look((gpujob) => gpujob.receipt(played.run.id));
    expect(JSON.stringify(proof)).toContain("releasing");
  });

  it("is given back again when a release says yes and does nothing, which is told", async ({
    expect,
  }) => {
    const home = await serveFor({
      config: "timeouts: { release: 2s }\n",
      faults: ["on: release, do: ignore"],
      serve: [],
    });
    const submitted = await home.run(["submit", "job.yaml", "-y"]);
    expect(submitted.code).toBe(123);
    const before = readCalls(home.market).filter(({ call }) => call === "release").length;
    await until("it was asked for again", async () => {
      const after = readCalls(home.market).filter(({ call }) => call === "release").length;
      return after > before + 1;
    });
    expect((await home.run(["audit"])).code).toBe(123);
    // The same market without the fault.
    await home.killServer();
    await home.startServer(["--fault", "{ on: release, nth: 999999, do: ignore }"]);
    await untilEnded(home);
    expect(await readPlayed(home, 3)).toMatchObject({ run: { exitCode: 3 }, violations: [] });
  });

  it("is ended by its own timer when the API is down, and the run is over once it answers again", async ({
    expect,
  }) => {
    const home = await serveFor({
      config: "timeouts: { release: 2s }\n",
      job: cardJob(
        "while [ ! -e TRUTH/go ]; do sleep 0.2; done",
        "limits: { time: 15s, hold: 1s }\n",
      ),
    });
    const submitted = home.start(["submit", "job.yaml", "-y"]);
    await until("the job runs", async () => (await home.readTruth("starts-strange")).length > 0);
    await home.killServer();
    const { code } = await submitted.result;
    expect(code).toBe(123);
    bringTimerForward(home.market);
    await until("the market's own timer has fired", async () =>
      home.look(async (gpujob) => (await gpujob.mockMeter()).machines[0]?.endedAt !== null),
    );
    const { billing } = await home.look((gpujob) => gpujob.showRun(undefined));
    expect(billing).toBe("unconfirmed");
    await home.startServer();
    await untilEnded(home);
    expect(await readPlayed(home, code)).toMatchObject({ offers: ["a"], violations: [] });
  });
});
