// @ts-check
// Prints the size of each package in lines of TypeScript and shell; with --write, puts it into docs/architecture.md.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./lib/install.mjs";
import { replacePart } from "./lib/generated-part.mjs";
import { renderTable } from "./lib/schema-table.mjs";

/**
 * The source files of a folder, paths from the repository. Node 20 has no globs.
 *
 * @param {string} folder
 * @returns {readonly string[]}
 */
function listSources(folder) {
  return readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : listSources(path);
    return /\.(ts|mjs|js|sh)$/.test(entry.name) ? [path] : [];
  });
}

/**
 * Is it there for tests only?
 *
 * @param {string} file
 */
function isTest(file) {
  return /\.test\.ts$|\/testing\/|^test\/|\/test\//.test(file);
}

/** @param {readonly string[]} files */
function countLines(files) {
  return files.reduce(
    (sum, file) => sum + readFileSync(join(repository, file), "utf8").split("\n").length - 1,
    0,
  );
}

/** @param {string} folder */
function measure(folder) {
  const files = listSources(folder);
  const code = files.filter((file) => !isTest(file));
  return {
    folder,
    files: code.length,
    lines: countLines(code),
    tests: countLines(files.filter(isTest)),
  };
}

const skipped = new Set(["dist", "node_modules", ".turbo", "fixtures"]);
const packages = ["packages", "adapters"].flatMap((parent) =>
  readdirSync(join(repository, parent))
    .map((name) => `${parent}/${name}`)
    .filter((folder) => existsSync(join(repository, folder, "package.json"))),
);
const rows = [...packages.toSorted(), "test"].map(measure);
/** @param {"files" | "lines" | "tests"} key */
const total = (key) => rows.reduce((sum, row) => sum + row[key], 0);
rows.push({ folder: "all", files: total("files"), lines: total("lines"), tests: total("tests") });

const table = renderTable(
  ["Folder", "Files", "Lines", "Lines of tests"],
  rows.map((row) => [`\`${row.folder}\``, `${row.files}`, `${row.lines}`, `${row.tests}`]),
  { right: [1, 2, 3] },
);
console.log(table);
if (process.argv.includes("--write")) {
  const page = join(repository, "docs/architecture.md");
  writeFileSync(page, replacePart(readFileSync(page, "utf8"), "sizes", table));
}
