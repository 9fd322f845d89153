import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it, onTestFinished, vi } from "vitest";
import { createGpujob } from "./create-gpujob.ts";
import type { CostReport, Gpujob, PlatformRow } from "./gpujob.ts";

const { signal } = new AbortController();

/** Whole hours, so that seconds on a busy computer change no sum. */
const offer = `{ type: a, gpu: "RTX4090:24GB:1", price: PRICE CNY/h, billing: { unit: 1h } }`;

const markets = `platforms:
  fair:
    adapter: mock
    boot: 0s
    offers: [${offer.replace("PRICE", "2.02")}]
  greedy:
    adapter: mock
    boot: 0s
    offers: [${offer.replace("PRICE", "2")}]
    faults: [{ on: create, do: overbill, factor: 1.5 }]
  full:
    adapter: mock
    offers: [${offer.replace("PRICE", "9").replace("RTX4090:24GB", "T4:16GB")}]
    faults: [{ on: create, do: error, kind: no_capacity }]
`;

/** The same behind an address at which nobody answers. */
const silent = `platforms:
  fair: { adapter: mock, endpoint: "http://127.0.0.1:1" }
  greedy: { adapter: mock, endpoint: "http://127.0.0.1:1" }
`;

interface Home {
  readonly configure: (text: string) => Promise<void>;
  readonly use: <Value>(action: (gpujob: Gpujob) => Promise<Value>) => Promise<Value>;
}

async function makeHome(): Promise<Home> {
  const home = await mkdtemp(join(tmpdir(), "gpujob-bills-"));
  const state = join(home, "state");
  await mkdir(state, { mode: 0o700 });
  const use: Home["use"] = async (action) => {
    const gpujob = createGpujob({ home: state, cwd: home, environment: { HOME: home } });
    try {
      return await action(gpujob);
    } finally {
      await gpujob.close();
    }
  };
  onTestFinished(async () => {
    vi.restoreAllMocks();
    await use((gpujob) => gpujob.mockReset());
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  });
  return {
    use,
    configure: (text) => writeFile(join(state, "config.yaml"), text, { mode: 0o600 }),
  };
}

/** From now on it is so much later than it was. */
function moveOn(ms: number): void {
  const now = Date.now;
  vi.spyOn(Date, "now").mockImplementation(() => now() + ms);
}

/** Commands that pass by, and read bills. */
const readers = {
  cost: async (gpujob: Gpujob): Promise<unknown> => gpujob.cost({}),
  audit: async (gpujob: Gpujob): Promise<unknown> => gpujob.audit({}, { signal }),
  // Its own run comes to nothing; what counts is that it drives one.
  driver: async (gpujob: Gpujob): Promise<unknown> => {
    const job = { name: "later", resources: { gpu: "T4" }, run: "true" };
    return (await gpujob.submit({ job }, { signal })).result;
  },
};

it.for(Object.entries(readers))(
  "learns from a platform's own bill, some time after the end, and tells where it is another: %s",
  { timeout: 120_000 },
  async ([, read], { expect }) => {
    const { configure, use } = await makeHome();
    await configure(markets);
    const job = { name: "j", resources: { gpu: "RTX4090" }, run: "true", expectedTime: "1h" };
    const runOn = (platform: string) =>
      use(async (gpujob) => {
        const run = await gpujob.submit({ job: { ...job, platforms: [platform] } }, { signal });
        return run.result;
      });
    const planned = async () =>
      (await use((gpujob) => gpujob.plan({ job }, { signal }))).candidates;
    const cost = (): Promise<CostReport> => use((gpujob) => gpujob.cost({}));
    const learntOf = async (name: string): Promise<PlatformRow["learnt"]> =>
      (await use((gpujob) => gpujob.platforms())).find((row) => row.name === name)?.learnt;

    expect(await runOn("fair")).toMatchObject({ state: "succeeded" });
    const greedy = await runOn("greedy");
    expect(greedy).toMatchObject({ state: "succeeded" });
    // By the prices that both named for their machines nothing is wrong, and nobody was asked yet.
    expect((await cost()).differences).toBeUndefined();
    expect(await learntOf("greedy")).toMatchObject({ bills: 1, billedOverQuoted: 1 });
    expect((await planned()).map(({ platform }) => platform)).toEqual(["greedy", "fair"]);

    // A platform that does not answer takes nothing from the report, and is asked again.
    moveOn(3_600_000);
    await configure(silent);
    const unheard = await cost();
    expect(unheard.lines).toHaveLength(2);
    expect(unheard.differences).toBeUndefined();

    await configure(markets);
    await use(read);
    // What was read is kept: nobody has to answer any more.
    await configure(silent);
    const { differences, total } = await cost();
    expect(differences).toMatchObject([
      {
        runId: greedy.id,
        platform: "greedy",
        leaseId: greedy.attempts[0]?.leases[0]?.leaseId,
        billed: { currency: "CNY", micros: 3_000_000 },
        counted: { currency: "CNY", micros: 2_000_000 },
      },
    ]);
    expect(total.micros).toBe(4_020_000);
    expect(await learntOf("greedy")).toMatchObject({ bills: 1, billedOverQuoted: 1.5 });
    expect((await learntOf("greedy"))?.seen).toContain(
      "billed 50 % above quote (1 bill, the platform's own)",
    );
    expect(await learntOf("fair")).toMatchObject({ billedOverQuoted: 1, billsRead: 1 });
    await configure(markets);
    const [first, second] = await planned();
    expect(first?.platform).toBe("fair");
    expect(second?.reason).toContain("it billed 50 % above quote");
    expect(second?.experience?.seen.join()).toContain("the platform's own");
  },
);
