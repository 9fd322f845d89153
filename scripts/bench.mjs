// @ts-check
// `npm run bench -- [--only NAME]… [--trials N] [--long] [--json] [--write]`: measures the limits that we set ourselves and
// exits with 1 when one is missed. `--write` puts the table into docs/performance.md; `GPUJOB_CATALOG=FOLDER` names real
// price lists. CI does not run it: whatever else a computer does is in every number.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./lib/command.mjs";
import { replacePart } from "./lib/generated-part.mjs";
import { ensureInstalled, repository } from "./lib/install.mjs";
import { renderTable } from "./lib/schema-table.mjs";

ensureInstalled();

console.error("Building …");
const build = await runCommand(["turbo", "run", "build", "--output-logs=errors-only"]);
if (build.code !== 0) {
  console.error(build.output);
  console.error("The build failed: what is measured would not be what is here.");
  process.exit(build.code);
}

/**
 * Why nothing can be measured on real hosts; undefined when it can.
 *
 * @returns {Promise<string | undefined>}
 */
async function findContainerObstacle() {
  /** @param {string} line */
  const log = (line) => console.error(line);
  try {
    const { ensureEngine, ensureTestHostImage } = await import("../test/support/docker.mjs");
    const engine = await ensureEngine({ log });
    if (!engine.available) return engine.reason;
    const image = await ensureTestHostImage({ log });
    return image.available ? undefined : image.reason;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const report = join(repository, ".cache", "bench-report.json");
mkdirSync(join(repository, ".cache"), { recursive: true });
rmSync(report, { force: true });
const obstacle = await findContainerObstacle();
const chosen = process.argv.slice(2).filter((word) => word !== "--write");
const words = [...chosen, "--report", report];
if (obstacle !== undefined) words.push("--no-containers", obstacle);
const run = await runCommand(["node", join(repository, "bench", "main.ts"), ...words], {
  show: true,
});
process.exitCode = run.code;
if (process.argv.includes("--write") && existsSync(report)) {
  const page = join(repository, "docs", "performance.md");
  const text = describeReport(JSON.parse(readFileSync(report, "utf8")));
  writeFileSync(page, replacePart(readFileSync(page, "utf8"), "measurements", text));
}

/**
 * The measured part of docs/performance.md.
 *
 * @typedef {{ what: string, limit: string, measured: string, isMet: boolean, detail: string }} Row
 * @param {{ machine: string, lines: readonly Row[] }} measured
 */
function describeReport({ machine, lines }) {
  const date = new Date().toISOString().slice(0, 10);
  const command = ["npm run bench --", "--write", ...chosen].join(" ");
  const kept = lines.filter(({ isMet }) => isMet).length;
  const rows = lines.map(({ what, limit, measured, isMet }) => [
    what,
    limit,
    measured,
    isMet ? "kept" : "**missed**",
  ]);
  return [
    `Measured on ${date} on ${machine}, by \`${command}\`: ${kept} of ${lines.length} limits kept.`,
    renderTable(["What", "Limit", "Measured", ""], rows, { right: [1, 2] }),
    "The figures behind them:",
    lines.map(({ what, detail }) => `- ${what}: ${detail}.`).join("\n"),
  ].join("\n\n");
}
