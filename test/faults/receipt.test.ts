import { join } from "node:path";
import { readCalls } from "@gpujob/adapter-mock";
import type { MarketCall } from "@gpujob/adapter-mock";
import type { MockMachine, ReceiptEntry } from "@gpujob/sdk";
import { describe, it, onTestFinished } from "vitest";
import { makeFaultHome } from "./support/fault-home.ts";
import type { FaultHome } from "./support/fault-home.ts";
import { witnessedJob } from "./support/scenarios.ts";

// One create refused, one answer lost, one release ignored, one machine dead: four kinds of lease in one run.
const config = `platforms:
  cheap:
    adapter: mock
    offers:
      - { type: a, gpu: "RTX4090:24GB:1", price: 1 CNY/h }
      - { type: b, gpu: "RTX4090:24GB:1", price: 2 CNY/h }
      - { type: c, gpu: "RTX4090:24GB:1", price: 3 CNY/h }
    faults:
      - { on: create, nth: 1, do: error, kind: no_capacity }
      - { on: create, nth: 2, do: lose-reply }
      - { on: lease, nth: 1, after: 1s, do: die }
      - { on: release, offer: c, nth: 1, do: ignore }
`;
const job = witnessedJob(
  "paper",
  'if [ "$GPUJOB_ATTEMPT" = 2 ]; then sleep 60; fi',
  "resources: { gpu: RTX4090 }\n",
);

interface Papers {
  readonly entries: readonly ReceiptEntry[];
  readonly calls: readonly MarketCall[];
  readonly machines: readonly MockMachine[];
}

async function readPapers(home: FaultHome): Promise<Papers> {
  const calls = readCalls(join(home.home, "state", "platforms"));
  return home.look(async (gpujob) => ({
    entries: await gpujob.receipt(undefined),
    calls,
    machines: (await gpujob.mockMeter()).machines,
  }));
}

/** Everything in an entry that the market's own records do not bear out. */
function findLies(entry: ReceiptEntry, { calls, machines }: Papers): readonly string[] {
  const lies: string[] = [];
  const creates = calls.filter(({ call }) => call === "create");
  if (!creates.some(({ at }) => at >= entry.intendedAt)) lies.push("no create after the intent");
  if (entry.leaseId === null)
    return entry.state === "never" ? lies : [...lies, "no id, but not never"];
  const machine = machines.find(({ leaseId }) => leaseId === entry.leaseId);
  if (machine === undefined) return [...lies, `${entry.leaseId} is unknown to the market`];
  const own = calls.filter(({ leaseId }) => leaseId === entry.leaseId);
  for (const look of entry.looks.filter(({ what }) => what !== "host")) {
    const call = look.what === "release" ? "release" : "get";
    const isTrue = own.some((each) => each.call === call && apart(each.at, look.at) < 1000);
    if (!isTrue) lies.push(`the market knows of no ${call} at ${look.at}`);
  }
  const last = entry.looks.at(-1);
  if (last?.answer !== "ended") lies.push(`the last look said ${last?.answer}`);
  if (machine.endedAt === null || machine.endedAt > (last?.at ?? "")) lies.push("it had not ended");
  if (apart(entry.billedTo, machine.endedAt) > 1000) lies.push(`billed to ${entry.billedTo}`);
  if (apart(entry.billedFrom, machine.startedAt) > 1000) lies.push(`from ${entry.billedFrom}`);
  return lies;
}

function apart(one: string | null, other: string | null): number {
  return Math.abs(Date.parse(one ?? "") - Date.parse(other ?? ""));
}

describe("the receipt of a run", () => {
  it("names for each create its intent, machine, release and the looks that showed it gone, as the market has them", async ({
    expect,
  }) => {
    const home = await makeFaultHome({ config, jobs: { "job.yaml": job } });
    onTestFinished(() => home.remove());
    const { code, err } = await home.run(["submit", "job.yaml", "-y"]);
    expect({ code, err }).toMatchObject({ code: 0 });
    const papers = await readPapers(home);
    expect(papers.entries.map(({ state }) => state)).toEqual(["never", "gone", "gone"]);
    expect(papers.entries.flatMap((entry) => findLies(entry, papers))).toEqual([]);
    const third = papers.entries[2]?.looks ?? [];
    expect(third.filter(({ what }) => what === "release").length).toBeGreaterThan(1);
    const shown = await home.run(["show", "--receipt", "--json"]);
    expect(JSON.parse(shown.out)).toMatchObject({ ok: true, data: papers.entries });
  });
});
