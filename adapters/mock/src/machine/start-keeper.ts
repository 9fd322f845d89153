import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { machineFolder } from "./machine-folder.ts";

/**
 * Starts a machine's keeper as a process of its own that outlives this one.
 * `onFailure` is called when it could not be started; a keeper that ends early is seen in the market's file instead.
 */
export function startKeeper(
  options: { readonly folder: string; readonly leaseId: string; readonly searchPath: string },
  onFailure: (reason: string) => void,
): void {
  const { folder, leaseId, searchPath } = options;
  const { path, keeperLog } = machineFolder(folder, leaseId);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const log = openSync(keeperLog, "a", 0o600);
  const argv = ["--disable-warning=ExperimentalWarning", findKeeper(), folder, leaseId];
  const child = spawn(process.execPath, argv, {
    detached: true,
    cwd: folder,
    stdio: ["ignore", "ignore", log],
    // Nothing of the user's environment but the way to programs. The cache saves half the start-up, and from sources
    // the 20 MB of the type stripper.
    env: { PATH: searchPath, NODE_COMPILE_CACHE: join(folder, "keeper-cache") },
  });
  child.on("error", (error) => onFailure(`its keeper did not start: ${error.message}`));
  child.unref();
  closeSync(log);
}

/**
 * The keeper's program: next to this file in sources and libraries; in the bundle of the command line, where this file
 * is part of a chunk, `mock-keeper.js` beside the chunk or one folder up.
 */
function findKeeper(): string {
  const names = import.meta.url.endsWith(".ts")
    ? ["./keeper.ts"]
    : ["./mock-keeper.js", "../mock-keeper.js", "./keeper.js"];
  const paths = names.map((name) => fileURLToPath(new URL(name, import.meta.url)));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) {
    throw new Error(`The mock market's keeper program is missing: looked at ${paths.join(", ")}.`);
  }
  return found;
}
