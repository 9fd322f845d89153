#!/usr/bin/env node
// Kept to what old versions of Node can read, so that they get a sentence instead of a syntax error.
import { spawn } from "child_process";
import { existsSync, mkdirSync, readFileSync } from "fs";
import module from "module";
import { dirname, join } from "path";
import { fileURLToPath, pathToFileURL } from "url";

const binPath = fileURLToPath(import.meta.url);
const root = dirname(dirname(binPath));
const needed = [24, 15];

if (!isNewEnough(process.versions.node)) startWithNewerNode();
else if (isVersionCall()) sayVersion();
else start();

function isNewEnough(version) {
  const parts = version.split(".").map(Number);
  return parts[0] > needed[0] || (parts[0] === needed[0] && parts[1] >= needed[1]);
}

function isVersionCall() {
  const word = process.argv[2];
  return word === "--version" || word === "-v";
}

/** Loads nothing but our own package.json. */
function sayVersion() {
  const version = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
  const data = { version, node: process.versions.node };
  const envelope = JSON.stringify({ ok: true, data, warnings: [] });
  console.log(process.argv.includes("--json") ? envelope : "gpujob " + version);
}

function start() {
  const main = join(root, "dist", "main.js");
  if (!existsSync(main)) {
    console.error("gpujob is not built: " + main + " is missing. Run npm run build first.");
    process.exit(1);
  }
  enableCompileCache();
  void import(pathToFileURL(main).href).then((program) => program.main(binPath));
}

/** In a folder of the user's own: in the shared temporary one, others could leave code for us to run. */
function enableCompileCache() {
  if (process.env.NODE_COMPILE_CACHE) return module.enableCompileCache();
  const home = process.env.XDG_CACHE_HOME || (process.env.HOME && join(process.env.HOME, ".cache"));
  if (!home) return undefined;
  const folder = join(home, "gpujob", "node");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch {
    return undefined;
  }
  return module.enableCompileCache(folder);
}

/** A checkout and a local install may carry a newer Node as a package; it is used where there is one. */
function startWithNewerNode() {
  const node = findNode(root);
  if (node === undefined) {
    console.error(
      "gpujob needs Node " +
        needed.join(".") +
        " or later, and this is " +
        process.versions.node +
        ".",
    );
    process.exit(1);
  }
  const child = spawn(node, [binPath].concat(process.argv.slice(2)), { stdio: "inherit" });
  // The child decides what a signal does. One that it also gets from the terminal counts once there.
  ["SIGINT", "SIGTERM", "SIGHUP"].forEach((name) => process.on(name, () => child.kill(name)));
  child.on("error", (error) => {
    console.error("gpujob could not start " + node + ": " + error.message);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function findNode(from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const home = join(folder, "node_modules", "node");
    const node = join(home, "bin", process.platform === "win32" ? "node.exe" : "node");
    if (existsSync(node) && existsSync(join(home, "package.json"))) {
      const version = JSON.parse(readFileSync(join(home, "package.json"), "utf8")).version;
      if (isNewEnough(version)) return node;
    }
    if (dirname(folder) === folder) return undefined;
  }
}
