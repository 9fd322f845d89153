// @ts-check
import { replacePart } from "./generated-part.mjs";
import { listKeys, renderTable } from "./schema-table.mjs";

/**
 * Pages with a part that is made from a schema.
 *
 * @type {readonly { readonly file: string, readonly part: string, readonly schema: "job" | "config" }[]}
 */
export const schemaPages = [
  { file: "docs/job-file.md", part: "job keys", schema: "job" },
  { file: "docs/configuration.md", part: "configuration keys", schema: "config" },
];

/**
 * A page with its table of keys as the schema has them now.
 *
 * @param {string} page
 * @param {string} part
 * @param {import("./schema-table.mjs").Schema} schema
 */
export function updatePage(page, part, schema) {
  // `defaults` takes the keys of a job file, which have a page of their own.
  const rows = listKeys(schema)
    .filter(({ key }) => !key.startsWith("defaults."))
    .map(({ key, written, meaning }) => [`\`${key}\``, written, meaning]);
  return replacePart(page, part, renderTable(["Key", "Written as", "Meaning"], rows));
}
