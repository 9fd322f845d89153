import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import { readPlayed, cardJob, playServed, serveFor } from "./support/play-served.ts";
import { until } from "./support/fault-home.ts";
import { witnessedJob } from "./support/scenarios.ts";

// Side by side: nearly all of their time is spent waiting for machines that lists do not show yet.
describe("a machine that is ordered over HTTP", { concurrent: true }, () => {
  it("comes from the next offer when there is no stock", async ({ expect }) => {
    const played = await playServed({
      faults: ["on: create, nth: 1, do: error, kind: no_capacity"],
    });
    expect(played).toMatchObject({ code: 3, offers: ["a", "b"], violations: [] });
    expect(played.machines.map(({ offer }) => offer)).toEqual(["b"]);
  });

  it("is given back, and seen to be gone, when the other node of its gang cannot be had", async ({
    expect,
  }) => {
    const job = witnessedJob("strange", "exit 3", "resources: { gpu: RTX4090, nodes: 2 }\n");
    const played = await playServed({
      job,
      faults: ["on: create, nth: 2, offer: a, do: error, kind: no_capacity"],
    });
    expect(played).toMatchObject({ code: 3, offers: ["a", "b"], violations: [] });
    const [first, ...next] = played.machines;
    expect(played.machines.map(({ offer }) => offer)).toEqual(["a", "b", "b"]);
    for (const each of next) expect(each.startedAt > (first?.endedAt ?? "never")).toBe(true);
  });

  it("is made once when the answer is lost, cut, broken off, junk, too large or a gateway's page", async ({
    expect,
  }) => {
    const played = await playServed({
      faults: [
        "on: create, nth: 1, do: lose-reply",
        "on: create, nth: 2, do: junk, as: cut",
        "on: create, nth: 3, do: break",
        "on: create, nth: 4, do: junk, as: huge",
        "on: create, nth: 5, do: status, status: 502, body: html, done: true",
        "on: create, nth: 6, do: junk, as: empty",
        "on: create, nth: 7, do: twice",
      ],
    });
    expect(played).toMatchObject({ code: 3, offers: ["a"], violations: [] });
    expect(played.machines).toHaveLength(1);
    const faults = played.calls.flatMap(({ call, fault }) => (call === "create" ? [fault] : []));
    expect(faults).toEqual(["lose-reply", "junk", "break", "junk", "status", "junk", "twice"]);
  });

  it("is made once when the answer comes after the client has stopped waiting", async ({
    expect,
  }) => {
    const played = await playServed({
      timeout: "1s",
      faults: ["on: create, nth: 1, do: delay, by: 1h", "on: create, nth: 2, do: trickle, by: 1m"],
    });
    expect(played).toMatchObject({ code: 3, offers: ["a"], violations: [] });
    expect(played.machines).toHaveLength(1);
  });

  it("is found when the create failed and the machine shows up 40 s later", async ({ expect }) => {
    const played = await playServed({ faults: ["on: create, nth: 1, do: late, by: 40s"] });
    expect(played).toMatchObject({ code: 3, offers: ["a"], violations: [] });
    expect(played.machines).toHaveLength(1);
  });

  it("is found when the answer and the tags were lost", async ({ expect }) => {
    const played = await playServed({
      faults: ["on: create, nth: 1, do: lose-reply", "on: create, nth: 1, do: lose-tag"],
    });
    expect(played).toMatchObject({ code: 3, offers: ["a"], violations: [] });
  });

  it("is looked for and ended or used when its token is refused as used for another request", async ({
    expect,
  }) => {
    const played = await playServed({
      faults: ["on: create, nth: 1, do: lose-reply", "on: create, nth: 2, do: mismatch"],
    });
    expect(played).toMatchObject({ code: 3, violations: [] });
  });

  it("is another one when the same token gives a machine that has ended meanwhile", async ({
    expect,
  }) => {
    const played = await playServed({
      faults: ["on: create, nth: 1, do: lose-reply", "on: lease, nth: 1, after: 0s, do: die"],
    });
    expect(played).toMatchObject({ code: 3, offers: ["a", "b"], violations: [] });
  });

  it("is not kept when it came dearer than the limit allows, and billed as it came when it may", async ({
    expect,
  }) => {
    const fault = "on: create, nth: 1, do: reprice, factor: 3";
    const limited = await playServed({
      faults: [fault],
      job: cardJob("true", "limits: { price: 2.5 CNY/h }\n"),
    });
    expect(limited).toMatchObject({ code: 3, offers: ["a", "b"], violations: [] });
    expect(limited.machines.map(({ offer }) => offer)).toEqual(["a", "b"]);
    const free = await playServed({ faults: [fault] });
    expect(free).toMatchObject({ code: 3, offers: ["a"], violations: [] });
    const [machine] = free.machines;
    const perSecond = 3_000_000 / 3600;
    expect(machine?.amount.micros).toBe(Math.round(perSecond * (machine?.billedSeconds ?? 0)));
    const { lines } = await free.home.look((gpujob) => gpujob.cost({ run: free.run.id }));
    const cost = lines.reduce((sum, { amount }) => sum + amount.micros, 0);
    expect(Math.abs(cost - (machine?.amount.micros ?? 0))).toBeLessThanOrEqual(perSecond + 1);
  });

  it("is given back when it shows other cards than were sold", async ({ expect }) => {
    const played = await playServed({
      faults: ['on: lease, nth: 1, do: wrong-gpu, gpu: "RTX3060:12GB:1"'],
    });
    expect(played).toMatchObject({ code: 3, offers: ["a", "b"], violations: [] });
    expect(await played.home.readTruth("starts-strange")).toEqual(["2.0"]);
  });

  it("is given up when it never boots", async ({ expect }) => {
    const played = await playServed({
      faults: ["on: lease, nth: 1, do: delay, by: 1h"],
      config: "timeouts: { boot: 5s }\n",
    });
    expect(played).toMatchObject({ code: 3, offers: ["a", "b"], violations: [] });
  });

  it("is left behind by no driver that is killed before, in or after the order", async ({
    expect,
  }) => {
    const points = [
      "before:create-lease",
      "sent:create-lease",
      "before-commit:lease-created",
      "after-commit:lease-created",
    ];
    for (const point of points) {
      const home = await serveFor({});
      const submitted = await home.run(["submit", "job.yaml", "-y"], { GPUJOB_CRASH_AT: point });
      expect({ point, signal: submitted.signal }).toEqual({ point, signal: "SIGKILL" });
      const { code } = await home.run(["wait"]);
      const played = await readPlayed(home, code);
      expect({ point, played }).toMatchObject({
        played: { code: 3, offers: ["a"], violations: [] },
      });
      expect(played.machines).toHaveLength(1);
    }
  });
});

describe("a machine that runs, looked at over HTTP", () => {
  it("is not replaced while lists and reads do not know it", async ({ expect }) => {
    const played = await playServed({
      job: cardJob("sleep 12"),
      faults: ["on: lease, nth: 1, after: 1s, do: vanish, by: 8s"],
    });
    expect(played).toMatchObject({ code: 3, offers: ["a"], violations: [] });
    expect(played.calls.filter(({ call }) => call === "get").length).toBeGreaterThan(2);
  });

  it("is ordered once when reads and lists show what was some seconds ago", async ({ expect }) => {
    const played = await playServed({
      faults: ["on: get, do: stale, by: 5s", "on: list, do: stale, by: 5s"],
    });
    expect(played).toMatchObject({ code: 3, offers: ["a"], violations: [] });
    expect(played.machines).toHaveLength(1);
  });

  it("goes on while the credential is refused, and is released once it is valid again", async ({
    expect,
  }) => {
    const home = await serveFor({ job: cardJob("while [ ! -e TRUTH/go ]; do sleep 0.2; done") });
    const submitted = home.start(["submit", "job.yaml", "-y"]);
    await until("the job runs", async () => (await home.readTruth("starts-strange")).length > 0);
    for (const on of ["offers", "get", "list", "release", "extend"]) {
      const fault = `{ on: ${on}, do: error, kind: unauthorized }`;
      expect((await home.run(["mock", "fault", "market", fault])).code).toBe(0);
    }
    await writeFile(join(home.truth, "go"), "");
    await until("the job has ended", async () =>
      home.look(async (gpujob) => (await gpujob.showRun(undefined)).exitCode === 3),
    );
    await until("the state says so", async () =>
      home.look(async (gpujob) =>
        ["needs-credentials", "releasing", "release-unconfirmed"].includes(
          (await gpujob.showRun(undefined)).state,
        ),
      ),
    );
    expect((await home.run(["audit", "--json"])).code).not.toBe(0);
    await home.run(["mock", "fault", "market", "--clear"]);
    const { code } = await submitted.result;
    expect(await readPlayed(home, code)).toMatchObject({ code: 3, offers: ["a"], violations: [] });
  });
});
