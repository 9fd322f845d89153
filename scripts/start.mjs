// @ts-check
// `npm start`: installs, builds, and runs one job on the simulated market, from nothing but Node and npm.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./lib/command.mjs";
import { ensureInstalled, repository } from "./lib/install.mjs";

ensureInstalled();

console.error("Building …");
const build = await runCommand(["turbo", "run", "build", "--output-logs=errors-only"]);
if (build.code !== 0) {
  console.error(build.output);
  console.error("The build failed.");
  process.exit(build.code);
}

const home = join(repository, ".gpujob-start");
mkdirSync(home, { recursive: true, mode: 0o700 });
const words = ["submit", "examples/quickstart/train.yaml", "-y"];
console.error("Running examples/quickstart/train.yaml on the simulated market:");
console.error(`  GPUJOB_HOME=.gpujob-start npx gpujob ${words.join(" ")}\n`);
const job = await runCommand(["gpujob", ...words], { show: true, env: { GPUJOB_HOME: home } });
process.exitCode = job.code;
