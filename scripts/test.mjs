// @ts-check
// `npm test`: every kind of test there is, from nothing but Node and npm. Further words go to vitest.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./lib/command.mjs";
import { ensureInstalled, repository } from "./lib/install.mjs";
import { countTests } from "./lib/report.mjs";

ensureInstalled();

const chosen = process.argv.slice(2);
/** @param {string} project */
const wants = (project) =>
  !chosen.some((word) => word.startsWith("--project")) ||
  chosen.some((word, index) => word === project && chosen[index - 1] === "--project") ||
  chosen.includes(`--project=${project}`);
const isRequired = process.env["GPUJOB_CONTAINERS"] === "required";
/** @type {string[]} What is to be said at the end, beside the numbers. */
const notes = [];
let failedOutside = 0;

/** Builds the command that these tests run. */
async function build() {
  if (!["cli", "faults", "examples", "containers"].some(wants)) return;
  console.error("Building …");
  const result = await runCommand(["turbo", "run", "build", "--output-logs=errors-only"]);
  if (result.code === 0) return;
  console.error(result.output);
  notes.push("The build failed: see above.");
  failedOutside += 1;
}

/**
 * Why the container tests cannot run here; undefined when they can.
 *
 * @returns {Promise<string | undefined>}
 */
async function findContainerObstacle() {
  /** @param {string} line */
  const log = (line) => console.error(line);
  try {
    const { ensureEngine, ensureTestHostImage } = await import("../test/support/docker.mjs");
    const engine = await ensureEngine({ required: isRequired, log });
    if (!engine.available) return engine.reason;
    const image = await ensureTestHostImage({ log });
    return image.available ? undefined : image.reason;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Leaves the container tests out where there is no engine, counts them, and says why.
 *
 * @returns {Promise<{ words: string[], skipped: number }>}
 */
async function settleContainers() {
  if (!wants("containers")) return { words: [], skipped: 0 };
  const obstacle = await findContainerObstacle();
  if (obstacle === undefined) return { words: [], skipped: 0 };
  notes.push(`Container tests did not run: ${obstacle}.`);
  if (isRequired) failedOutside += 1;
  const listed = await runCommand(["vitest", "list", "--project", "containers", "--json"]);
  const skipped = listed.output.match(/^\s*"name":/gm)?.length ?? 0;
  return { words: ["--project=!containers"], skipped };
}

await build();
const containers = await settleContainers();
const report = join(repository, ".cache", "test-report.json");
mkdirSync(join(repository, ".cache"), { recursive: true });
rmSync(report, { force: true });
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
const run = await runCommand(["vitest", "run", ...reporters, ...containers.words, ...chosen], {
  show: true,
});

const counts = countTests(readReport());
const failed = counts.failed + failedOutside;
const unexplained = run.code !== 0 && failed === 0 ? 1 : 0;
if (unexplained > 0) notes.push("vitest ended with an error outside of the tests: see above.");
if (counts.passed === 0) notes.push("No test ran.");
for (const note of notes) console.log(note);
const skipped = counts.skipped + containers.skipped;
console.log(`${counts.passed} passed, ${failed + unexplained} failed, ${skipped} skipped`);
process.exitCode = failed + unexplained > 0 || counts.passed === 0 ? 1 : 0;

/** @returns {unknown} */
function readReport() {
  try {
    return JSON.parse(readFileSync(report, "utf8"));
  } catch {
    return {};
  }
}
