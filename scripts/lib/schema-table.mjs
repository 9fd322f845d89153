// @ts-check

/**
 * What is read of a JSON Schema.
 *
 * @typedef {object} Schema
 * @property {string} [description]
 * @property {string | readonly string[]} [type]
 * @property {readonly (string | number)[]} [enum]
 * @property {string | number} [const]
 * @property {readonly Schema[]} [anyOf]
 * @property {Readonly<Record<string, Schema>>} [properties]
 * @property {Schema | boolean} [additionalProperties]
 * @property {Schema} [items]
 */

/**
 * One key that a file may hold.
 *
 * @typedef {{ readonly key: string, readonly written: string, readonly meaning: string }} Row
 */

/**
 * Every key of a file with how it is written and what it means, in the schema's order.
 *
 * @param {Schema} schema
 * @param {string} [path] Put before each key.
 * @returns {readonly Row[]}
 */
export function listKeys(schema, path = "") {
  const rows = alternatives(schema).flatMap((one) => keysOfObject(one, path));
  // What may be written once may often be written as a list too; that is said by how it is written.
  const plain = rows.map(({ key }) => key.replaceAll("[]", ""));
  return rows.filter((_, index) => plain.indexOf(plain[index] ?? "") === index);
}

/**
 * @param {Schema} schema
 * @param {string} path
 * @returns {readonly Row[]}
 */
function keysOfObject(schema, path) {
  const named = Object.entries(schema.properties ?? {}).flatMap(([name, value]) => {
    const key = path === "" ? name : `${path}.${name}`;
    return [{ key, written: describe(value), meaning: meaningOf(value) }, ...listKeys(value, key)];
  });
  const free = schema.additionalProperties;
  const inner = typeof free === "object" ? listKeys(free, `${path}.NAME`) : [];
  const items = schema.items === undefined ? [] : listKeys(schema.items, `${path}[]`);
  return [...named, ...inner, ...items];
}

/**
 * The schema itself, or each of those it allows.
 *
 * @param {Schema} schema
 * @returns {readonly Schema[]}
 */
function alternatives(schema) {
  return schema.anyOf === undefined ? [schema] : schema.anyOf.flatMap(alternatives);
}

/** @param {Schema} schema */
function meaningOf(schema) {
  return (
    schema.description ?? alternatives(schema).find((one) => one.description)?.description ?? ""
  );
}

/** @param {Schema} schema */
function describe(schema) {
  return [...new Set(alternatives(schema).flatMap(describeOne))].join(", ");
}

/**
 * @param {Schema} schema
 * @returns {readonly string[]}
 */
function describeOne(schema) {
  if (schema.const !== undefined) return [`\`${schema.const}\``];
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``);
  const types = typeof schema.type === "string" ? [schema.type] : (schema.type ?? []);
  return types.map((type) => words[type] ?? type);
}

/** @type {Readonly<Record<string, string>>} */
const words = {
  string: "text",
  integer: "whole number",
  boolean: "true or false",
  array: "list",
  object: "map",
  null: "nothing",
};

/**
 * A table in Markdown, padded as the formatter pads it.
 *
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 * @param {{ readonly right?: readonly number[] }} [options] `right`: columns of numbers.
 */
export function renderTable(head, rows, { right = [] } = {}) {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((title, column) =>
    Math.max(3, ...[title, ...cells.map((row) => row[column] ?? "")].map(({ length }) => length)),
  );
  /** @param {readonly string[]} row */
  const line = (row) =>
    `| ${widths.map((width, column) => pad(row[column] ?? "", width, right.includes(column))).join(" | ")} |`;
  const rule = widths.map((width, column) =>
    right.includes(column) ? `${"-".repeat(width - 1)}:` : "-".repeat(width),
  );
  return [line(head), line(rule), ...cells.map(line)].join("\n");
}

/**
 * @param {string} text
 * @param {number} width
 * @param {boolean} isRight
 */
function pad(text, width, isRight) {
  return isRight ? text.padStart(width) : text.padEnd(width);
}
