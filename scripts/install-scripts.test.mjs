// @ts-check
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "vitest";
import { repository } from "./lib/install.mjs";

/** @param {string} file */
const read = (file) => JSON.parse(readFileSync(join(repository, file), "utf8"));

describe("install scripts", () => {
  it("may be run by the one package that brings Node, and by no other dependency", ({ expect }) => {
    const allowed = Object.entries(read("package.json").allowScripts)
      .filter(([, isAllowed]) => isAllowed === true)
      .map(([name]) => name.replace(/(?<=.)@.*$/, ""));
    expect(allowed).toEqual(["node"]);
    // Each of the others that has one was looked at and refused by name.
    const known = Object.keys(read("package.json").allowScripts);
    const packages = Object.entries(read("package-lock.json").packages);
    const withScript = packages
      .filter(([, entry]) => entry.hasInstallScript === true)
      .map(([path]) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length));
    expect(withScript.length).toBeGreaterThan(1);
    expect(withScript.filter((name) => !known.includes(name))).toEqual([]);
  });

  it("are in no package of ours, so that installing one runs nothing", ({ expect }) => {
    const files = globSync(["packages/*/package.json", "adapters/*/package.json"], {
      cwd: repository,
    });
    expect(files.length).toBeGreaterThan(15);
    const hooks = ["preinstall", "install", "postinstall", "prepare", "prepublish"];
    const found = files.flatMap((file) =>
      Object.keys(read(file).scripts ?? {}).filter((name) => hooks.includes(name)),
    );
    expect(found).toEqual([]);
  });
});
