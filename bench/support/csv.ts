import { readFileSync } from "node:fs";

/** Rows of a CSV file by its header; fields may be quoted, lines may end in CRLF. */
export function readTable(
  path: string,
  separator: string,
): readonly Readonly<Record<string, string>>[] {
  const [header = [], ...rows] = readFileSync(path, "utf8")
    .split(/\r?\n/)
    .filter(Boolean)
    .map((line) => splitFields(line, separator));
  return rows.map((fields) =>
    Object.fromEntries(header.map((name, at) => [name, fields[at] ?? ""])),
  );
}

function splitFields(line: string, separator: string): string[] {
  // The separator in front of the line gives every field, an empty first one too, the same shape.
  const field = new RegExp(`${separator}(?:"((?:[^"]|"")*)"|([^${separator}]*))`, "g");
  return Array.from(`${separator}${line}`.matchAll(field), ([, quoted, plain = ""]) =>
    quoted === undefined ? plain : quoted.replaceAll('""', '"'),
  );
}
