import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A secret made for one test, and every form in which it could be seen. */
export interface Canary {
  readonly name: string;
  readonly value: string;
}

/** Never the same twice, and with characters that quoting, URLs and JSON change. */
export function makeCanary(name: string): Canary {
  const random = (): string => randomBytes(9).toString("hex");
  return { name, value: `${random()}+/" %'${random()}` };
}

/** The value itself, halves of it, and what base64, URLs and JSON make of it. Written apart from the redactor: its check. */
function formsOf({ value }: Canary): readonly string[] {
  const bytes = Buffer.from(value);
  // Within a longer base64 text a value can begin at three places; its first and last characters depend on its neighbours.
  const inBase64 = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .slice(before + 2, -4),
  );
  const [left = "", right = ""] = value.split(`+/" %'`);
  return [
    value,
    left,
    right,
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
    bytes.toString("hex"),
    ...inBase64,
    ...inBase64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  ];
}

/** Where canaries are in a text: names of them and the forms, in words. */
export function findCanaries(
  canaries: readonly Canary[],
  text: Buffer | string,
): readonly string[] {
  const bytes = Buffer.from(text);
  return canaries.flatMap((canary) => {
    const seen = formsOf(canary).filter((form) => bytes.includes(form));
    return seen.length === 0 ? [] : [`${canary.name} (as ${seen[0]})`];
  });
}

/** Canaries in the files of a folder, whatever they are: names, links and contents; `isAllowed` takes paths out. */
export function searchFolder(
  canaries: readonly Canary[],
  folder: string,
  isAllowed: (path: string) => boolean,
): readonly string[] {
  const found: string[] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    found.push(...findCanaries(canaries, path).map((hit) => `name ${path}: ${hit}`));
    if (!entry.isFile() || isAllowed(path)) continue;
    found.push(...findCanaries(canaries, readFileSync(path)).map((hit) => `${path}: ${hit}`));
  }
  return found;
}
