import { describe, it, onTestFinished } from "vitest";
import { makeFaultHome } from "./support/fault-home.ts";
import type { FaultHome } from "./support/fault-home.ts";
import { readRunFacts } from "./support/run-facts.ts";
import { witnessedJob } from "./support/scenarios.ts";

const job = witnessedJob("strange", "exit 3", "resources: { gpu: RTX4090 }\n");

/** Runs a job on a market with two offers and these faults, and tells how it went. */
async function play(
  faults: readonly string[],
  text: string = job,
): Promise<{
  readonly home: FaultHome;
  readonly code: number | null;
  readonly offers: readonly string[];
  readonly violations: readonly string[];
}> {
  const config = `platforms:
  cheap:
    adapter: mock
    offers:
      - { type: a, gpu: "RTX4090:24GB:1", price: 1 CNY/h }
      - { type: b, gpu: "RTX4090:24GB:1", price: 2 CNY/h }
    faults:
${faults.map((fault) => `      - { ${fault} }\n`).join("")}`;
  const home = await makeFaultHome({ config, jobs: { "job.yaml": text } });
  onTestFinished(() => home.remove());
  const { code } = await home.run(["submit", "job.yaml", "-y"]);
  const run = await home.look((gpujob) => gpujob.showRun(undefined));
  const { violations } = await readRunFacts(home, run.id);
  return { home, code, offers: run.attempts.map(({ offerId }) => offerId), violations };
}

describe("a run on a market that does strange things", () => {
  it("tries elsewhere when the same token gives a machine that has ended meanwhile", async ({
    expect,
  }) => {
    const played = await play([
      "on: create, nth: 1, do: lose-reply",
      "on: lease, nth: 1, after: 0s, do: die",
    ]);
    expect(played).toMatchObject({ code: 3, offers: ["a", "b"], violations: [] });
  });

  it("gives a machine back before anything is sent when its cards are not those that were sold", async ({
    expect,
  }) => {
    // As much memory as was sold, and another model all the same.
    const played = await play(['on: lease, nth: 1, do: wrong-gpu, gpu: "RTX3090:24GB:1"']);
    expect(played).toMatchObject({ code: 3, offers: ["a", "b"], violations: [] });
    expect(await played.home.readTruth("starts-strange")).toEqual(["2.0"]);
  });

  it("gives a machine back that came dearer than limits.price allows, and charges its seconds", async ({
    expect,
  }) => {
    const limited = witnessedJob("dear", "exit 3", "limits: { price: 3 CNY/h }\n");
    const { home, ...played } = await play(
      ["on: create, nth: 1, do: reprice, factor: 20"],
      limited,
    );
    // `violations` has what the market bills and the ledger lacks.
    expect(played).toMatchObject({ code: 3, offers: ["a", "b"], violations: [] });
    const run = await home.look((gpujob) => gpujob.showRun(undefined));
    expect(run.attempts[0]?.reason).toContain("limits.price allows");
    expect(run.attempts[0]?.cost?.micros).toBeGreaterThan(0);
    expect(await home.readTruth("starts-dear")).toEqual(["2.0"]);
  });

  it("avoids a host with wrong cards in later runs too, says why, and forgives it when told to", async ({
    expect,
  }) => {
    const { home } = await play(['on: lease, nth: 1, do: wrong-gpu, gpu: "RTX3060:12GB:1"']);
    const plan = await home.run(["plan", "job.yaml", "--explain"]);
    expect(plan.out).toMatch(/avoided until 20\S+Z: cheap: the machine is not what was offered/);
    expect(plan.out).toContain("gpujob doctor cheap --forgive");
    const later = await home.run(["submit", "job.yaml", "-y", "--json"]);
    expect(later.out).toContain('"offerId":"b"');
    expect(later.out).not.toContain('"offerId":"a"');
    expect((await home.run(["doctor"])).out).toMatch(
      /warning {2}cheap avoided: a is avoided until/,
    );
    const forgiven = await home.run(["doctor", "--forgive"]);
    expect(forgiven.out).toContain("1 avoided before; not any more.");
    expect(forgiven.out).not.toContain("cheap avoided");
    expect((await home.run(["plan", "job.yaml", "--explain"])).out).not.toContain("avoided until");
  });

  it("finds the machine whose answer and tags were lost, and uses it", async ({ expect }) => {
    const played = await play([
      "on: create, nth: 1, do: lose-reply",
      "on: create, nth: 1, do: lose-tag",
    ]);
    expect(played).toMatchObject({ code: 3, offers: ["a"], violations: [] });
  });

  it("asks again for a release that is refused, lost and ignored in turn", async ({ expect }) => {
    const played = await play([
      "on: release, nth: 1, do: error, kind: unavailable",
      "on: release, nth: 2, do: lose-reply",
      "on: release, nth: 3, do: ignore",
    ]);
    expect(played).toMatchObject({ code: 3, offers: ["a"], violations: [] });
  });
});
