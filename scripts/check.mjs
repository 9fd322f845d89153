// @ts-check
// `npm run check`: everything that needs no machine, in parallel; one line each, the whole output only of what fails.
// `--without NAME` leaves one out, such as the unit tests where `npm test` has just run them.
import { availableParallelism } from "node:os";
import { runCommand } from "./lib/command.mjs";
import { ensureInstalled } from "./lib/install.mjs";

ensureInstalled();

/** @param {string} task */
const turbo = (task) => ["turbo", "run", task, "--output-logs=errors-only"];

/**
 * `after`: the one that must have passed before. Turbo remembers the slow ones.
 *
 * @typedef {{ name: string, command: readonly string[], after?: string }} Check
 * @type {readonly Check[]}
 */
const checks = [
  { name: "build", command: turbo("build") },
  { name: "format", command: ["oxfmt", "--check"] },
  {
    name: "lint",
    command: ["oxlint", "--type-aware", "--deny-warnings", "--report-unused-disable-directives"],
  },
  { name: "boundaries", command: ["turbo", "boundaries"] },
  { name: "repository", command: ["node", "scripts/check-repository.mjs"] },
  { name: "knip", command: ["knip", "--no-progress"] },
  { name: "types", command: ["tsc", "-b"], after: "build" },
  { name: "packages", command: turbo("//#check:packages"), after: "build" },
  // Last, for some of them watch real processes and want a calm computer.
  { name: "unit tests", command: [...turbo("test:unit"), "--concurrency=1", "--continue"] },
];

/** @type {Map<string, Promise<boolean>>} */
const outcomes = new Map();
const places = createPlaces(Math.max(2, availableParallelism()));

/** @param {Check} check */
async function perform({ name, command, after }) {
  if (after !== undefined && (await outcomes.get(after)) !== true) {
    console.log(`not run   ${name} (needs ${after})`);
    return false;
  }
  const leave = await places.enter();
  const began = performance.now();
  const { code, output } = await runCommand(command);
  leave();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${seconds.padStart(6)} s  ${name}`);
  if (code !== 0) console.log(`${output.trimEnd()}\n`);
  return code === 0;
}

/**
 * Lets so many in at a time; the others wait in line.
 *
 * @param {number} count
 */
function createPlaces(count) {
  let free = count;
  /** @type {(() => void)[]} */
  const line = [];
  const leave = () => {
    const next = line.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return {
    /** @returns {Promise<() => void>} */
    enter: () =>
      new Promise((resolve) => {
        if (free === 0) {
          line.push(() => resolve(leave));
          return;
        }
        free -= 1;
        resolve(leave);
      }),
  };
}

const words = process.argv.slice(2);
const left = words[0] === "--without" ? words[1] : undefined;
if (words.length > 0 && !checks.some(({ name }) => name === left)) {
  console.error(
    `Usage: check.mjs [--without NAME], NAME one of ${checks.map(({ name }) => name).join(", ")}.`,
  );
  process.exit(2);
}
const wanted = checks.filter(({ name }) => name !== left);
for (const check of wanted) outcomes.set(check.name, perform(check));
const results = await Promise.all(outcomes.values());
process.exitCode = results.every(Boolean) ? 0 : 1;
