// @ts-check
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "vitest";
import { repository } from "./lib/install.mjs";

const pages = [
  "README.md",
  "examples/README.md",
  ...readdirSync(join(repository, "docs")).map((name) => `docs/${name}`),
];

/** @param {string} file */
const read = (file) => readFileSync(join(repository, file), "utf8");

describe("docs/faults.md", () => {
  it("names tests that exist", ({ expect }) => {
    const named = [...read("docs/faults.md").matchAll(/`([^`]+\.ts)` “([^”]+)”/g)];
    expect(named.length).toBeGreaterThan(60);
    const missing = named.filter(([, file = "", title = ""]) => !read(file).includes(title));
    expect(missing.map(([text]) => text)).toEqual([]);
  });

  it("has a row for each of the 70 faults", ({ expect }) => {
    const numbers = [...read("docs/faults.md").matchAll(/^\| (\d+) +\|/gm)].map(([, n]) =>
      Number(n),
    );
    expect(numbers).toEqual(Array.from({ length: 70 }, (_, index) => index + 1));
  });
});

describe("the pages", () => {
  it.for(pages)("%s links to files that exist", (page, { expect }) => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)];
    const lost = links.filter(
      ([, link = ""]) => !existsSync(join(repository, dirname(page), link)),
    );
    expect(lost.map(([text]) => text)).toEqual([]);
  });
});
