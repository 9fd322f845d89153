// @ts-check
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { repository } from "./install.mjs";

/** Folders that are no trace of anybody: they may stand in documents and tests. */
const everyonesFolders = new Set(
  ["", "/home", "/root", "/tmp", "/usr", "/opt", "/srv", "/mnt", "/src", "/app", "/build"].map(
    (folder) => `${folder}/`,
  ),
);

/** Where packages come from is the business of whoever installs them. In parts, for this file is looked at too. */
const registryHosts = ["npmjs.org", "npmjs.com", "yarnpkg.com", "npmmirror.com", "taobao.org"].map(
  (host) => `registry.${host}`,
);

/** Host of the registry that this machine uses, if it names one. */
function findOwnRegistry() {
  const url = process.env["npm_config_registry"];
  return url !== undefined && URL.canParse(url) ? [new URL(url).host] : [];
}

/** @returns {string[]} */
function listFiles() {
  const words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const output = execFileSync("git", words, { cwd: repository, encoding: "utf8" });
  return output.split("\0").filter((file) => file !== "" && isFile(file));
}

/** @param {string} file */
function isFile(file) {
  return statSync(join(repository, file), { throwIfNoEntry: false })?.isFile() === true;
}

/** @param {string} text */
function quote(text) {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/**
 * Makes the search through one file's text; it answers with one sentence for each kind of trace.
 *
 * @param {{ folders: readonly string[], hosts: readonly string[] }} known
 * @returns {(file: string, content: string) => string[]}
 */
export function createTraceFinder({ folders, hosts }) {
  const traces = [
    ...folders.map((folder) => ({
      // Not the end of a longer path, such as `$root/work/`.
      pattern: new RegExp(`(?<![\\w.)}\\]$*-])${quote(folder)}`),
      says: `a path of this machine (${folder})`,
    })),
    ...hosts.map((host) => ({
      pattern: new RegExp(quote(host)),
      says: `a package registry (${host})`,
    })),
  ];
  return (file, content) => {
    const found = traces
      .filter(({ pattern }) => pattern.test(content))
      .map(({ says }) => `${file} names ${says}.`);
    if (file.endsWith("package-lock.json") && /"resolved": "[a-z+]+:\/\//.test(content)) {
      found.push(`${file} carries download addresses: run \`npm install\` with the .npmrc here.`);
    }
    return found;
  };
}

/**
 * Traces of the machine that the repository's files were written on: absolute paths of it, hosts of package
 * registries, download addresses in the lock.
 *
 * @returns {string[]}
 */
export function findTraces() {
  const folders = [repository, dirname(repository), homedir()].map((folder) => `${folder}/`);
  const find = createTraceFinder({
    folders: folders.filter((folder) => !everyonesFolders.has(folder.replace("//", "/"))),
    hosts: [...registryHosts, ...findOwnRegistry()],
  });
  return listFiles().flatMap((file) => find(file, readFileSync(join(repository, file), "utf8")));
}
