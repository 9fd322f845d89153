import { describe, it } from "vitest";
import { runGpujob } from "./support/gpujob.ts";
import { makeMarketHome, readEnvelope } from "./support/market.ts";

const card = `gpu: "RTX4090:24GB:1", stock: 3`;
// Simulated markets under the names of real platforms: what people say of those holds for them.
const market = `platforms:
  autodl:
    adapter: mock
    offers: [{ type: a, ${card}, price: 1.8 CNY/h }]
    boot: 0s
  gpushare:
    adapter: mock
    offers: [{ type: h, ${card}, price: 1.32 CNY/h }]
    boot: 0s
  aliyun:
    adapter: mock
    offers: [{ type: x, ${card}, price: 3 CNY/h }]
    boot: 0s
`;
const files = { "job.yaml": `name: test\nexpectedTime: 30m\nrun: "true"\n` };

interface Row {
  readonly platform: string;
  readonly reason: string;
  readonly score?: { readonly points: number };
  readonly experience?: { readonly seen: readonly string[] };
}

describe("--profile", () => {
  it("ranks a plan for a kind of user, and tells of what the points are made", async ({
    expect,
  }) => {
    const place = await makeMarketHome(market, files);
    const plan = async (...words: readonly string[]): Promise<readonly string[]> => {
      const { out } = await runGpujob(["plan", "job.yaml", ...words, "--json"], place);
      const { data } = readEnvelope<{ readonly candidates: readonly Row[] }>(out);
      return data?.candidates.map(({ platform }) => platform) ?? [];
    };
    expect(await plan()).toEqual(["gpushare", "autodl", "aliyun"]);
    expect(await plan("--profile", "student")).toEqual(["autodl", "gpushare", "aliyun"]);
    expect(await plan("--profile", "enterprise")).toEqual(["aliyun"]);
    const shown = await runGpujob(["plan", "job.yaml", "--profile", "student", "--explain"], place);
    expect(shown.out).toMatch(/POINTS/);
    expect(shown.out).toContain("profile student");
    expect(shown.out).toMatch(/#1 autodl a: Best of 3 that fit for a student .*: easier to start/s);
    expect(shown.out).toMatch(/ease 45\.0 of 45 \(the most images/s);
  });

  it("stands in a job file, which one that is not known is refused from", async ({ expect }) => {
    const place = await makeMarketHome(market, {
      "job.yaml": `run: "true"\nprofile: university\n`,
      "wrong.yaml": `run: "true"\nprofile: studnet\n`,
    });
    const { out } = await runGpujob(["plan", "job.yaml"], place);
    expect(out).toContain("Best of 3 that fit for long fine-tuning at a university");
    const { code, err } = await runGpujob(["plan", "wrong.yaml"], place);
    expect(code).toBe(2);
    expect(err).toMatch(/wrong\.yaml:2:10.*student/s);
  });

  it("begins with what the user thinks of a platform, where that is written", async ({
    expect,
  }) => {
    const rated = market.replace(
      "  gpushare:\n",
      "  gpushare:\n    rating: { ease: 1, support: 0.9, certified: true }\n",
    );
    const place = await makeMarketHome(rated, files);
    const { out } = await runGpujob(
      ["plan", "job.yaml", "--profile", "student", "--explain"],
      place,
    );
    expect(out).toContain("#1 gpushare h:");
    expect(out).toContain("ease 45.0 of 45 (as you rate it)");
    const strict = await runGpujob(
      ["plan", "job.yaml", "--profile", "enterprise", "--json"],
      place,
    );
    const { data } = readEnvelope<{ readonly candidates: readonly Row[] }>(strict.out);
    const named = data?.candidates.map(({ platform }) => platform) ?? [];
    expect(new Set(named)).toEqual(new Set(["aliyun", "gpushare"]));
    const wrong = market.replace("  gpushare:\n", "  gpushare:\n    rating: { ease: 7 }\n");
    const refused = await runGpujob(["plan", "job.yaml"], await makeMarketHome(wrong, files));
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("platforms.gpushare.rating.ease");
  });

  it("ranks offers with a sentence for each", async ({ expect }) => {
    const place = await makeMarketHome(market, files);
    const { out } = await runGpujob(["offers", "--profile", "backup"], place);
    expect(out).toMatch(
      /#1 gpushare h \(\d+\.\d of 100\): Best of 3 that fit for a time when nothing else has stock/,
    );
    const json = await runGpujob(["offers", "--profile", "backup", "--json"], place);
    const { data } = readEnvelope<{ readonly offers: readonly Row[] }>(json.out);
    expect(data?.offers.every(({ score, reason }) => score && reason.endsWith("."))).toBe(true);
  });
});

describe("what own runs learnt", () => {
  it("is shown by platforms and plan --explain", async ({ expect }) => {
    const place = await makeMarketHome(market, files);
    const before = await runGpujob(["platforms"], place);
    expect(before.out).not.toContain("Learnt");
    const run = await runGpujob(["submit", "job.yaml", "-y"], place);
    expect(run.code).toBe(0);
    const { out } = await runGpujob(["platforms"], place);
    expect(out).toMatch(/Learnt at gpushare: came when asked for 1 of 1 times \(21 to\s+100 %\)/);
    const explained = await runGpujob(["plan", "job.yaml", "--explain"], place);
    expect(explained.out).toMatch(/Learnt here: came when asked for 1 of 1 times/);
    const json = await runGpujob(["platforms", "--json"], place);
    expect(readEnvelope(json.out).data).toMatchObject([
      { name: "autodl" },
      { name: "gpushare", learnt: { creates: { times: 1, of: 1 }, failures: { times: 0, of: 1 } } },
      { name: "aliyun" },
    ]);
  });
});

describe("data that a job names", () => {
  it("draws the job to where it is, and is told to the job", async ({ expect }) => {
    const place = await makeMarketHome(market, {
      "job.yaml": `expectedTime: 30m
data: { corpus: { size: 100GB, at: { aliyun: /data/corpus } } }
run: 'echo "corpus=$GPUJOB_DATA_CORPUS"'
`,
    });
    const { out } = await runGpujob(["plan", "job.yaml", "--explain"], place);
    expect(out).toMatch(/#1 aliyun x:/);
    expect(out).toContain("Data: corpus is there: /data/corpus");
    expect(out).toMatch(
      /Data: corpus: .*fetched in .*\(100 Mbit\/s assumed\),\s+unless it is in\s+\/root\/autodl-pub/s,
    );
    expect(out).toMatch(/\+ data \d+\.\d+ CNY/);
    const run = await runGpujob(["submit", "job.yaml", "-y"], place);
    expect(run.out).toContain("corpus=/data/corpus");
  });
});
