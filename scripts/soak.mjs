// @ts-check
// Many runs in one process on simulated markets with faults on: memory, descriptors, violations.
//
//   node scripts/soak.mjs [--jobs 1000] [--parallel 50] [--seed 1]
import { parseArgs } from "node:util";
import { runCommand } from "./lib/command.mjs";
import { ensureInstalled } from "./lib/install.mjs";

ensureInstalled();

if (!process.execArgv.includes("--expose-gc")) {
  const node = ["node", "--expose-gc", "--conditions=@gpujob/source", import.meta.filename];
  const { code } = await runCommand([...node, ...process.argv.slice(2)], { show: true });
  process.exit(code);
}

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "1000" },
    parallel: { type: "string", default: "50" },
    seed: { type: "string", default: "1" },
  },
});
const { playSoak } = await import("../test/faults/support/soak.ts");

const report = await playSoak({
  jobs: Number(values.jobs),
  parallel: Number(values.parallel),
  seed: Number(values.seed),
  onSample: ({ ended, usedMib, residentMib, descriptors }) =>
    console.log(
      `${ended} ended, at rest: heap and buffers ${usedMib.toFixed(2)} MiB, resident ${residentMib.toFixed(0)} MiB, ${descriptors} descriptors`,
    ),
});

/**
 * @param {{ slope: number, within: number }} fit
 * @param {number} limit
 */
function say({ slope, within }, limit = Number.POSITIVE_INFINITY) {
  const text = `${slope.toFixed(3)} ± ${within.toFixed(3)} MiB`;
  if (!Number.isFinite(limit)) return text;
  if (slope + within < limit) return `${text}: under ${limit} with 95 % confidence`;
  return slope - within >= limit
    ? `${text}: NOT under ${limit}`
    : `${text}: whether it is under ${limit} is not shown, more jobs would tell`;
}

for (const problem of report.problems) console.log(problem);
const { settled, samples, descriptorSpread, machines, worstSeconds } = report;
console.log(
  `After warm-up, ${settled.length} of ${samples.length} samples at rest, least squares:`,
);
console.log(`  growth in an hour at this pace   ${say(report.perHour, 1)}`);
console.log(`  growth in 1,000 jobs             ${say(report.perThousandJobs)}`);
console.log(
  `  descriptors                      ${settled.at(-1)?.descriptors}, spread ${descriptorSpread}`,
);
console.log(`${machines} machines, the ledger within ${worstSeconds} s of the meter on each`);
console.log(`${report.problems.length} violations`);
process.exitCode = report.problems.length === 0 && descriptorSpread <= 2 ? 0 : 1;
