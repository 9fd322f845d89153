// @ts-check
// Writes the tables of keys into docs/job-file.md and docs/configuration.md, from the schemas that files are checked with.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./lib/command.mjs";
import { ensureInstalled, repository } from "./lib/install.mjs";
import { schemaPages, updatePage } from "./lib/pages.mjs";

ensureInstalled();

const printer = ["node", "--conditions=@gpujob/source", "scripts/print-schemas.mjs"];
const { code, output } = await runCommand(printer);
if (code !== 0) throw new Error(`The schemas could not be read: ${output}`);
const schemas = JSON.parse(output);
for (const { file, part, schema } of schemaPages) {
  const path = join(repository, file);
  writeFileSync(path, updatePage(readFileSync(path, "utf8"), part, schemas[schema]));
  console.log(file);
}
