import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "vitest";
import type { CallResult } from "./support/gpujob.ts";
import { runGpujob } from "./support/gpujob.ts";
import type { Home } from "./support/market.ts";
import { jobOf, makeMarketHome, readEnvelope } from "./support/market.ts";

interface Row {
  readonly platform: string;
  readonly offerId: string;
  readonly totalPrice: { readonly micros: number };
}

interface Past {
  readonly candidates: readonly Row[];
  readonly rejected: readonly { readonly offerId: string }[];
  readonly decisions: readonly { readonly decidedAt: string }[];
}

/** Offers of one market: `a` for so many CNY per hour, `b` always for 40; `c` has another card. */
function marketOf(price: number, more = ""): string {
  const gpu = '"RTX4090:24GB:1"';
  return `platforms:
  cheap:
    adapter: mock
    boot: 0s
    offers:
      - { type: a, gpu: ${gpu}, price: ${price} CNY/h, stock: 3${more} }
      - { type: b, gpu: ${gpu}, price: 40 CNY/h, stock: 3 }
      - { type: c, gpu: "T4:16GB:1", price: 1 CNY/h, stock: 3 }
`;
}

const call = (home: Home, ...argv: string[]): Promise<CallResult> => runGpujob(argv, home);

/** A market where `a` is the cheaper one, with a plan that says so. */
async function makePlanned(): Promise<
  Home & { readonly change: (config: string) => Promise<void> }
> {
  const home = await makeMarketHome(marketOf(36), { "job.yaml": jobOf("echo done") });
  const { code, err } = await call(home, "plan", "job.yaml", "--out", "plan.json");
  if (code !== 0) throw new Error(err);
  const change = (config: string): Promise<void> =>
    writeFile(join(home.home, "state/config.yaml"), config);
  return { ...home, change };
}

async function machinesOf(home: Home): Promise<readonly { readonly offer: string }[]> {
  const { out } = await call(home, "mock", "meter", "--json");
  const { data } = readEnvelope<{ readonly machines: readonly { readonly offer: string }[] }>(out);
  return data?.machines ?? [];
}

describe("a plan that was written", () => {
  it("is what submit rents, without the job being named again, and not what is cheaper since", async ({
    expect,
  }) => {
    const home = await makePlanned();
    await home.change(
      `${marketOf(36)}      - { type: d, gpu: "RTX4090:24GB:1", price: 9 CNY/h }\n`,
    );
    const { code, out, err } = await call(home, "submit", "--plan", "plan.json", "-y");
    expect({ code, out, err }).toMatchObject({ code: 0, out: "done\n" });
    expect(await machinesOf(home)).toMatchObject([{ offer: "a" }]);
  });

  it("is refused where the price rose by more than is tolerated, with what changed, and nothing is rented", async ({
    expect,
  }) => {
    const home = await makePlanned();
    await home.change(marketOf(39));
    const refused = await call(home, "submit", "job.yaml", "--plan", "plan.json", "-y", "--json");
    expect(refused.code).toBe(115);
    const { error } = readEnvelope(refused.out);
    expect(error).toMatchObject({ kind: "price_changed", exitCode: 115 });
    expect(error?.message).toMatch(/per hour 36\.00 CNY → 39\.00 CNY \(\+8\.3 %\)/);
    expect(error?.message).toMatch(/in all .* → .*compute .* → /);
    expect(await machinesOf(home)).toEqual([]);
    const argv = ["submit", "--plan", "plan.json", "--tolerance", "10%", "-y"];
    const agreed = await call(home, ...argv);
    expect(agreed).toMatchObject({ code: 0, out: "done\n" });
    expect(agreed.err).toContain("36.00 CNY → 39.00 CNY");
  });

  it("is taken where it became cheaper, and that is said", async ({ expect }) => {
    const home = await makePlanned();
    await home.change(marketOf(18));
    const { code, out } = await call(home, "submit", "--plan", "plan.json", "--dry-run");
    expect(code).toBe(0);
    expect(out).toContain("36.00 CNY → 18.00 CNY (-50 %)");
    expect(await machinesOf(home)).toEqual([]);
  });

  it("is refused where its offer is sold out or gone, with what there is instead", async ({
    expect,
  }) => {
    const home = await makePlanned();
    for (const [config, why] of [
      [marketOf(36).replace("stock: 3", "stock: 0"), "sold out"],
      [marketOf(36).replace("type: a", "type: z"), "not offered any more"],
    ] as const) {
      await home.change(config);
      const { code, out } = await call(home, "submit", "--plan", "plan.json", "-y", "--json");
      expect(code).toBe(114);
      const { error } = readEnvelope(out);
      expect(error).toMatchObject({ kind: "no_offer_matches" });
      expect(error?.message).toContain(why);
      expect(error?.message).toMatch(/The best now: cheap [bz] for/);
    }
    expect(await machinesOf(home)).toEqual([]);
  });

  it("is refused for another job than the one that was planned", async ({ expect }) => {
    const home = await makePlanned();
    const argv = ["submit", "job.yaml", "--plan", "plan.json", "--gpu", "T4", "-y"];
    const { code, err } = await call(home, ...argv);
    expect(code).toBe(2);
    expect(err).toContain("resources changed since");
    expect(await machinesOf(home)).toEqual([]);
  });

  it("holds no value of a variable and no path, and overwrites nothing but a plan", async ({
    expect,
  }) => {
    const home = await makePlanned();
    const again = await call(
      home,
      "plan",
      "job.yaml",
      "-e",
      "KEY=known-to-me",
      "--out",
      "plan.json",
    );
    expect(again.code).toBe(0);
    const text = await readFile(join(home.cwd, "plan.json"), "utf8");
    expect(text).not.toContain("known-to-me");
    expect(text).not.toContain(home.cwd);
    const other = await call(home, "plan", "job.yaml", "--out", "job.yaml");
    expect(other).toMatchObject({ code: 2, err: expect.stringContaining("is no plan") });
    for (const [file, said] of [
      ["job.yaml", "is no plan"],
      ["none.json", "cannot be read"],
    ] as const) {
      const refused = await call(home, "submit", "job.yaml", "--plan", file, "-y");
      expect(refused).toMatchObject({ code: 2, err: expect.stringContaining(said) });
    }
  });
});

describe("the plan of a run", () => {
  it("is shown again with the prices seen then, from the journal alone", async ({ expect }) => {
    const home = await makePlanned();
    const submitted = await call(home, "submit", "job.yaml", "-y");
    expect(submitted.code).toBe(0);
    await home.change(marketOf(99));
    const { code, out } = await call(home, "plan", "--run", "test-run", "--json");
    expect(code).toBe(0);
    const { data } = readEnvelope<Past>(out);
    expect(data?.candidates.map(({ offerId }) => offerId)).toEqual(["a", "b"]);
    expect(data?.candidates[0]).toMatchObject({
      pricePerHour: { currency: "CNY", micros: 36_000_000 },
      breakdown: { compute: { micros: 36_000_000 } },
    });
    expect(data?.rejected).toMatchObject([{ offerId: "c" }]);
    expect(data?.decisions).toHaveLength(1);
    const table = await call(home, "plan", "--run", "test-run");
    expect(table.out).toMatch(/Decision 1 of 1 of run r-/);
    expect(table.out).toMatch(/1 {2}cheap +a .*36\.00 CNY/);
    expect(table.out).toContain("Not cheap c: T4, RTX4090 asked for");
  });
});
