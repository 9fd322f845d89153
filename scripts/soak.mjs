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
  sampleMs: 5000,
  onSample: ({ ended, heapMib, residentMib, descriptors }) =>
    console.log(
      `${ended} ended, heap ${heapMib.toFixed(1)} MiB, resident ${residentMib.toFixed(0)} MiB, ${descriptors} descriptors`,
    ),
});
for (const problem of report.problems) console.log(problem);
console.log(
  `Heap after warm-up: ${report.heapMibPerHour.toFixed(2)} MiB an hour, ${report.heapMibPerThousand.toFixed(2)} MiB for 1,000 jobs`,
);
console.log(`Descriptors at the end: ${report.samples.at(-1)?.descriptors}`);
console.log(`${report.problems.length} violations`);
process.exitCode = report.problems.length === 0 ? 0 : 1;
