// @ts-check
// Kills real drivers on the simulated market, and holds each end against the undisturbed one.
//
//   node scripts/kill-drivers.mjs                        every point once
//   node scripts/kill-drivers.mjs --pairs [--share 1/3]  every point, then every point of the driver that took over
//   node scripts/kill-drivers.mjs --host [--pairs]       the same on a real OpenSSH host in a container
//   node scripts/kill-drivers.mjs --kills 300 --jobs 20 [--seed 1]   one driver of many runs, at random moments
import { parseArgs } from "node:util";
import { runCommand } from "./lib/command.mjs";
import { ensureInstalled } from "./lib/install.mjs";

ensureInstalled();

if (!process.execArgv.includes("--conditions=@gpujob/source")) {
  // The project's own Node, on the sources as they are; what is killed is the built program.
  const built = await runCommand(["turbo", "run", "build", "--output-logs=errors-only"]);
  if (built.code !== 0) console.error(built.output);
  const words = ["--conditions=@gpujob/source", import.meta.filename, ...process.argv.slice(2)];
  const { code } = built.code === 0 ? await runCommand(["node", ...words], { show: true }) : built;
  process.exit(code);
}

const { values } = parseArgs({
  options: {
    pairs: { type: "boolean", default: false },
    host: { type: "boolean", default: false },
    share: { type: "string", default: "1/1" },
    kills: { type: "string" },
    jobs: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    places: { type: "string", default: "4" },
  },
});
const places = Number(values.places);

if (values.kills !== undefined) process.exitCode = await killAtRandom();
else process.exitCode = values.host ? await killOnHost() : await killAtPoints();

/** @returns {Promise<number>} */
async function killAtPoints() {
  const points = await import("../test/faults/support/kill-points.ts");
  const { scenarios } = await import("../test/faults/support/scenarios.ts");
  const played = await points.playUndisturbed(scenarios, places);
  /** @type {import("../test/faults/support/kill-points.ts").Verdict[]} */
  const verdicts = [];
  const startedAt = performance.now();
  let planned = 0;
  /** @param {import("../test/faults/support/kill-points.ts").Verdict} verdict */
  const onVerdict = (verdict) => {
    verdicts.push(verdict);
    const minutes = ((performance.now() - startedAt) / 60_000).toFixed(0);
    const progress = `${verdicts.length}/${planned}, ${minutes} min`;
    console.log(`[${progress}] ${points.describeVerdict(verdict)}`);
  };
  const orders = points.listSingles(played);
  planned = orders.length;
  const singles = await points.playOrders(orders, {
    played,
    places,
    onVerdict,
  });
  if (values.pairs) {
    const [part = 1, parts = 1] = values.share.split("/").map(Number);
    const pairs = points.listPairs(singles).filter((_, index) => index % parts === part - 1);
    console.log(`${pairs.length} pairs`);
    planned += pairs.length;
    await points.playOrders(pairs, { played, places, onVerdict });
  }
  const bad = verdicts.filter(({ problems }) => problems.length > 0);
  for (const verdict of bad) console.log(points.describeVerdict(verdict));
  const missed = verdicts.filter((each) => !each.isReached && each.problems.length === 0).length;
  console.log(
    `${verdicts.length} kill points and pairs, ${missed} of them not reached, ${bad.length} with another end`,
  );
  return bad.length === 0 ? 0 : 1;
}

/** @returns {Promise<number>} */
async function killOnHost() {
  const { ensureEngine, ensureTestHostImage } = await import("../test/support/docker.mjs");
  /** @param {string} line */
  const log = (line) => console.error(line);
  for (const part of [
    await ensureEngine({ required: true, log }),
    await ensureTestHostImage({ log }),
  ]) {
    if (part.available) continue;
    console.error(part.reason);
    return 1;
  }
  const points = await import("../test/faults/support/host-points.ts");
  const { removeTestContainers } = await import("../test/support/ssh-hosts.ts");
  const on = await points.startKillHost();
  try {
    const undisturbed = await points.runHostTrial(on, []);
    console.log(`Undisturbed: ${JSON.stringify(undisturbed.end)}`);
    let played = 0;
    /** @param {import("../test/faults/support/host-points.ts").HostVerdict} verdict */
    const onVerdict = ({ line }) => console.log(`[${(played += 1)}] ${line}`);
    const options = { undisturbed, onVerdict };
    const singles = [...new Set(undisturbed.passed[0])].map((point) => [point]);
    console.log(`${singles.length} kill points`);
    const verdicts = [...(await points.playHostOrders(on, singles, options))];
    if (values.pairs) {
      const [part = 1, parts = 1] = values.share.split("/").map(Number);
      const pairs = verdicts
        .flatMap(({ trial }) =>
          [...new Set(trial?.passed[1])].map((point) => [...(trial?.crashes ?? []), point]),
        )
        .filter((_, index) => index % parts === part - 1);
      console.log(`${pairs.length} pairs`);
      verdicts.push(...(await points.playHostOrders(on, pairs, options)));
    }
    const bad = verdicts.filter(({ isGood }) => !isGood);
    for (const { line } of bad) console.log(line);
    console.log(
      `${verdicts.length} kill points and pairs on a host, ${bad.length} with another end`,
    );
    return bad.length === 0 ? 0 : 1;
  } finally {
    await removeTestContainers();
  }
}

/** @returns {Promise<number>} */
async function killAtRandom() {
  const { playStorm } = await import("../test/faults/support/kill-storm.ts");
  const jobs = Number(values.jobs);
  const { kills, problems, machines, worstSeconds } = await playStorm({
    kills: Number(values.kills),
    jobs,
    seed: Number(values.seed),
    onKill: (count) => {
      if (count % 20 === 0) console.log(`${count} kills`);
    },
  });
  for (const problem of problems) console.log(problem);
  console.log(`${machines} machines, the ledger within ${worstSeconds} s of the meter on each`);
  console.log(`${kills} kills of a driver of ${jobs} jobs, ${problems.length} problems`);
  return problems.length === 0 ? 0 : 1;
}
