import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { findOffers, indexOffers, openPackedOffers, packOffers } from "@gpujob/scheduler";
import type { Offer } from "@gpujob/spec";
import type { Benchmark } from "./support/benchmark.ts";
import { inFolder, runProgram, writeConfig } from "./support/gpujob.ts";
import { describeTimes, median, sideBySide } from "./support/measure.ts";
import { capabilities, planJob, readOffers, readRealOffers } from "./support/offers.ts";

const wanted = 60_000;
const adapter = "bench-shelf";
const job = `name: bench
resources: { gpu: "A100,H100:80GB..:1" }
market: on-demand
run: "true"
`;

/**
 * A plan over all that many platforms offered when they were last asked: `gpujob plan` itself, from the start of its process
 * to the end of its table. The platforms cannot be asked while it is measured, so that every offer is from the cache.
 */
export const benchmark: Benchmark = {
  name: "plan-offers",
  run: async ({ trials = 11 }) => {
    const { offers, origin } = readOffers(wanted);
    const cached = await measurePlan(offers, trials);
    const query = makeQuery(offers);
    const times = await sideBySide(trials + 3, { query: async () => query().ms });
    const real = readRealOffers();
    const all = real.length > wanted ? await measurePlan(real, trials) : undefined;
    return [
      {
        what: "plan over 60,000 cached offers, process start to table",
        value: median(cached.times),
        unit: "ms",
        limit: 300,
        side: "most",
        detail: `${cached.detail}, ${origin}`,
      },
      {
        what: "the query for what fits among them",
        value: median(times.query.slice(3)),
        unit: "ms",
        limit: 5,
        side: "most",
        detail: `${describeTimes("findOffers", times.query.slice(3))}, reading the offers of each group that may fit; ${query().fitting} fit`,
      },
      ...(all === undefined
        ? []
        : [
            {
              what: `plan over all ${real.length} cached offers of the price lists`,
              value: median(all.times),
              unit: "ms",
              limit: 300,
              side: "most",
              detail: all.detail,
            } as const,
          ]),
    ];
  },
};

/** Times of `gpujob plan` with these offers in its cache, in milliseconds. */
function measurePlan(
  offers: readonly Offer[],
  trials: number,
): Promise<{ readonly times: readonly number[]; readonly detail: string }> {
  return inFolder(async (folder) => {
    const gpujob = await installWithShelf(folder);
    const shelves = await fillShelves(folder, offers);
    await writeConfig(folder, configOf(shelves));
    await writeFile(join(folder, "job.yaml"), job);
    await gpujob("offers", "--refresh", "--limit", "1");
    await rm(join(folder, "shelves"), { recursive: true });
    const told = checkTable(await gpujob("plan", "job.yaml"));
    const actions = {
      node: async () => void (await runProgram([process.execPath, "-e", "0"])),
      plan: async () => void (await gpujob("plan", "job.yaml")),
    };
    await sideBySide(3, actions);
    const { node, plan } = await sideBySide(trials, actions);
    const detail = `${describeTimes("gpujob plan", plan)}; ${describeTimes("node -e 0", node)}; ${offers.length} offers of ${shelves.size} platforms; ${told}`;
    return { times: plan, detail };
  });
}

/** The built program in a place where it finds the adapter of this benchmark beside those that it brings. */
async function installWithShelf(folder: string): Promise<(...argv: string[]) => Promise<string>> {
  const program = join(folder, "program");
  // As in test/cli: one that no build changes meanwhile.
  const built = process.env["GPUJOB_TEST_BIN"];
  const source = resolve(
    built ?? join(import.meta.dirname, "../packages/cli/bin/gpujob.js"),
    "../..",
  );
  for (const part of ["bin", "dist", "package.json"])
    await cp(join(source, part), join(program, part), { recursive: true });
  const home = join(program, "node_modules", adapter);
  await mkdir(home, { recursive: true });
  const manifest = { name: adapter, type: "module", exports: "./index.js" };
  await writeFile(join(home, "package.json"), JSON.stringify(manifest));
  await runProgram([
    "esbuild",
    join(import.meta.dirname, "support", "shelf-adapter.ts"),
    "--bundle",
    "--minify",
    "--platform=node",
    "--format=esm",
    "--conditions=@gpujob/source",
    "--log-level=warning",
    `--outfile=${join(home, "index.js")}`,
  ]);
  const env = { PATH: process.env["PATH"], HOME: folder, GPUJOB_HOME: join(folder, "state") };
  const binPath = join(program, "bin", "gpujob.js");
  return (...argv) => runProgram([process.execPath, binPath, ...argv], { cwd: folder, env });
}

/** One file per platform; answers the files by platform. */
async function fillShelves(
  folder: string,
  offers: readonly Offer[],
): Promise<ReadonlyMap<string, string>> {
  const shelves = new Map<string, string>();
  await mkdir(join(folder, "shelves"));
  for (const [platform, own] of Map.groupBy(offers, (offer) => offer.platform)) {
    const file = join(folder, "shelves", `${platform}.json`);
    await writeFile(file, JSON.stringify(own));
    shelves.set(platform, file);
  }
  return shelves;
}

function configOf(shelves: ReadonlyMap<string, string>): string {
  const lines = Array.from(
    shelves,
    ([platform, file]) => `  ${platform}: { adapter: ${adapter}, file: ${JSON.stringify(file)} }\n`,
  );
  return `platforms:\n${lines.join("")}`;
}

/** Throws where the table is not one of all offers. */
function checkTable(shown: string): string {
  const rows = shown.split("\n").filter((line) => /^ *\d+ {2}/.test(line)).length;
  const hidden = Number(/… and (\d+) more that fit/.exec(shown)?.[1]);
  if (rows < 10 || !(hidden > 0) || shown.includes("Missing "))
    throw new Error(`This is no plan over all offers:\n${shown}`);
  return `${rows + hidden} fit, ${rows} shown`;
}

/** The part of a plan that looks through all offers, on an index that was just read. */
function makeQuery(
  offers: readonly Offer[],
): () => { readonly ms: number; readonly fitting: number } {
  const packed = packOffers(indexOffers(offers));
  const question = {
    job: planJob(),
    exclusions: [],
    capabilitiesByPlatform: capabilities(offers),
    rates: [],
    currency: "CNY",
  };
  return () => {
    const index = openPackedOffers(packed);
    const startedAt = performance.now();
    const fitting = findOffers({ ...question, index }).length;
    return { ms: performance.now() - startedAt, fitting };
  };
}
