// @ts-check
// The long versions of the tests on real hosts: `node scripts/host-trials.mjs [--trials N] [--only loss,partition,…]`.
// Without `--only`: all of them. `--trials`: how often a host is lost without notice (default 50).
import { parseArgs } from "node:util";
import { runCommand } from "./lib/command.mjs";
import { ensureInstalled } from "./lib/install.mjs";

const kinds = ["loss", "partition", "machine", "job", "disk", "alone"];

/** @returns {{ trials: string, only: string[] }} */
function readArguments() {
  const usage = `Usage: node scripts/host-trials.mjs [--trials N] [--only ${kinds.join(",")}]`;
  const { values } = parseWords();
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  const only = values.only?.split(",") ?? kinds;
  const unknown = only.filter((kind) => !kinds.includes(kind));
  if (!/^[1-9]\d*$/.test(values.trials) || unknown.length > 0) {
    console.error(usage);
    process.exit(2);
  }
  return { trials: values.trials, only };
}

function parseWords() {
  try {
    return parseArgs({
      options: {
        trials: { type: "string", default: "50" },
        only: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(2);
  }
}

const { trials, only } = readArguments();
ensureInstalled();
const { ensureEngine, ensureTestHostImage } = await import("../test/support/docker.mjs");
/** @param {string} line */
const log = (line) => console.error(line);
for (const part of [
  await ensureEngine({ required: true, log }),
  await ensureTestHostImage({ log }),
]) {
  if (part.available) continue;
  console.error(part.reason);
  process.exit(1);
}
const build = await runCommand(["turbo", "run", "build", "--output-logs=errors-only"]);
if (build.code !== 0) {
  console.error(build.output);
  process.exit(build.code);
}
const files = only.map((kind) => `test/containers/fault-${kind}.test.ts`);
const result = await runCommand(["vitest", "run", "--project", "containers", ...files], {
  show: true,
  env: { GPUJOB_LONG: "1", GPUJOB_TRIALS: trials },
});
process.exitCode = result.code;
