import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { machineFolder } from "./machine-folder.ts";

const isSource = import.meta.url.endsWith(".ts");

/**
 * Starts a machine's keeper as a process of its own that outlives this one.
 * `onFailure` is called when it could not be started; a keeper that ends early is seen in the market's file instead.
 */
export function startKeeper(
  options: { readonly folder: string; readonly leaseId: string; readonly searchPath: string },
  onFailure: (reason: string) => void,
): void {
  const { folder, leaseId, searchPath } = options;
  const program = findKeeper();
  const { path, keeperLog } = machineFolder(folder, leaseId);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const log = openSync(keeperLog, "a", 0o600);
  const argv = ["--disable-warning=ExperimentalWarning", program, folder, leaseId];
  const child = spawn(process.execPath, argv, {
    detached: true,
    cwd: folder,
    stdio: ["ignore", "ignore", log],
    // Nothing of the user's environment but the way to programs.
    env: { PATH: searchPath, ...sourceCache() },
  });
  child.on("error", (error) => onFailure(`its keeper did not start: ${error.message}`));
  child.unref();
  closeSync(log);
}

/** From sources, a cache saves each keeper the type stripper: 25 MB and half the start-up. A built one has no need. */
function sourceCache(): { readonly NODE_COMPILE_CACHE?: string } {
  if (!isSource) return {};
  const folder = new URL("../../node_modules/.cache/keeper", import.meta.url);
  return { NODE_COMPILE_CACHE: fileURLToPath(folder) };
}

/**
 * The keeper's program: next to this file in sources and libraries; in the bundle of the command line, where this file
 * is part of a chunk, `mock-keeper.js` beside the chunk or one folder up.
 */
function findKeeper(): string {
  const names = isSource
    ? ["./keeper.ts"]
    : ["./mock-keeper.js", "../mock-keeper.js", "./keeper.js"];
  const paths = names.map((name) => fileURLToPath(new URL(name, import.meta.url)));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) {
    throw new Error(`The mock market's keeper program is missing: looked at ${paths.join(", ")}.`);
  }
  return found;
}
