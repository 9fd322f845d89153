// @ts-check
// Runs on plain Node 20 with nothing installed: only what Node itself brings.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[\\/]$/, "");
const binaries = join(root, "node_modules", ".bin");

/** Folder of the repository. */
export const repository = root;

/**
 * Whether `node_modules` holds what the lock names. Packages of other systems are optional and may be missing.
 *
 * @returns {boolean}
 */
function isInstalled() {
  const installed = readPackages(join(root, "node_modules", ".package-lock.json"));
  const locked = readPackages(join(root, "package-lock.json"));
  if (installed === undefined || locked === undefined) return false;
  if (!existsSync(join(binaries, "node"))) return false;
  return Object.entries(locked).every(([path, entry]) => {
    if (path === "" || entry.optional === true || entry.devOptional === true) return true;
    return path in installed && installed[path]?.version === entry.version;
  });
}

/**
 * @typedef {{ version?: string, optional?: boolean, devOptional?: boolean }} LockEntry
 * @param {string} file
 * @returns {Record<string, LockEntry> | undefined}
 */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** Environment for everything that the scripts start: the project's own Node and tools come first. */
export function toolEnvironment() {
  const quiet = { TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", TURBO_NO_UPDATE_NOTIFIER: "1" };
  return { ...process.env, ...quiet, PATH: `${binaries}${delimiter}${process.env["PATH"] ?? ""}` };
}

/** Installs what the lock names, unless it is there. Ends the process with a plain sentence when that fails. */
export function ensureInstalled() {
  if (isInstalled()) return;
  console.error("Installing the dependencies (npm ci) …");
  const result = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (result.status === 0 && isInstalled()) return;
  console.error(
    "The dependencies could not be installed. See what npm says above, then try again.",
  );
  process.exit(1);
}
