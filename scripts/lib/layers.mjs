// @ts-check
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./install.mjs";

/**
 * Which of our packages each one may import. Turbo's tags check the same with all that comes along indirectly, so it
 * cannot see that the command line uses the engine itself; this table can.
 *
 * @type {Record<string, readonly string[]>}
 */
const mayImport = {
  "@gpujob/spec": [],
  "@gpujob/catalog": ["spec"],
  "@gpujob/adapter-kit": ["spec"],
  "@gpujob/store": ["spec"],
  "@gpujob/ssh": ["spec"],
  "@gpujob/host": ["spec"],
  "@gpujob/scheduler": ["spec", "catalog"],
  "@gpujob/engine": ["spec", "catalog", "scheduler", "store"],
  "@gpujob/sdk": [
    "spec",
    "catalog",
    "adapter-kit",
    "store",
    "ssh",
    "host",
    "scheduler",
    "engine",
    "adapter-*",
  ],
  gpujob: ["sdk", "spec"],
};
const adaptersMayImport = ["spec", "catalog", "adapter-kit"];

/**
 * Dependencies between our packages that the table does not allow, one sentence each.
 *
 * @returns {string[]}
 */
export function findForbiddenDependencies() {
  return globSync(["packages/*/package.json", "adapters/*/package.json"], { cwd: repository })
    .map((file) => JSON.parse(readFileSync(join(repository, file), "utf8")))
    .flatMap(({ name, dependencies = {} }) => {
      const allowed = mayImport[name] ?? adaptersMayImport;
      return Object.keys(dependencies)
        .filter((dependency) => dependency.startsWith("@gpujob/"))
        .map((dependency) => dependency.slice("@gpujob/".length))
        .filter((short) => !allowed.some((pattern) => matches(pattern, short)))
        .map((short) => `${name} may not depend on @gpujob/${short}.`);
    });
}

/**
 * @param {string} pattern
 * @param {string} name
 */
function matches(pattern, name) {
  if (!pattern.endsWith("*")) return pattern === name;
  return name.startsWith(pattern.slice(0, -1)) && !name.startsWith("adapter-kit");
}
