// Makes a Docker engine and the test-host images available. Plain JavaScript for Node 20: it runs before anything else.
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { openSync } from "node:fs";
import { access, chmod, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import {
  busyboxHostImage,
  entryPoint,
  packages,
  recipeLabel,
  reduceToBusybox,
  sshdConfig,
  testHostImage,
} from "./test-host-recipe.mjs";

const run = promisify(execFile);
const minute = 60_000;

/**
 * Finds a Docker engine that answers. Where there is none, and this is Debian or Ubuntu and we are root, installs one and
 * starts it in the background; it goes on running for the next tests.
 *
 * @param {{ required?: boolean, log?: (line: string) => void }} options
 *   `required`: throw instead of answering "not available".
 * @returns {Promise<{ available: boolean, reason: string }>} `reason` says why not, for the summary of the tests.
 */
export async function ensureEngine({ required = false, log = () => undefined } = {}) {
  const answer = await findOrStartEngine(log);
  if (required && !answer.available) throw new Error(`No Docker engine: ${answer.reason}`);
  return answer;
}

/**
 * Builds the test-host images when they are missing or their recipe has changed: once per machine, in one to three minutes.
 * Needs a running engine, `debootstrap` and root.
 *
 * @param {{ log?: (line: string) => void }} options
 * @returns {Promise<{ available: boolean, reason: string }>}
 */
export async function ensureTestHostImage({ log = () => undefined } = {}) {
  const recipe = recipeHash();
  const found = await Promise.all([testHostImage, busyboxHostImage].map(readRecipe));
  if (found.every((hash) => hash === recipe)) return { available: true, reason: "" };
  const system = await readSystem();
  if (!system.canInstall)
    return { available: false, reason: `${system.reason}, so the test-host image cannot be built` };
  await installPackages(["debootstrap"], ["debootstrap"], log);
  const folder = await mkdtemp(join(tmpdir(), "gpujob-test-host-"));
  try {
    await buildImages(folder, system, recipe, log);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { available: true, reason: "" };
}

/** @param {(line: string) => void} log */
async function findOrStartEngine(log) {
  if (await isEngineUp()) return { available: true, reason: "" };
  const system = await readSystem();
  if (!system.canInstall)
    return { available: false, reason: `no Docker engine answers and ${system.reason}` };
  try {
    await installPackages(
      ["docker.io", "debootstrap", "iptables"],
      ["dockerd", "docker", "debootstrap"],
      log,
    );
    if (await isEngineUp()) return { available: true, reason: "" };
    return await startEngine(log);
  } catch (error) {
    return { available: false, reason: `installing a Docker engine failed: ${lastLine(error)}` };
  }
}

async function isEngineUp() {
  return run("docker", ["version", "--format", "{{.Server.Version}}"], { timeout: 10_000 }).then(
    ({ stdout }) => stdout.trim() !== "",
    () => false,
  );
}

/** Starts `dockerd` without any service manager and waits until it answers. */
async function startEngine(log) {
  log("starting dockerd in the background");
  const logFile = join(tmpdir(), "gpujob-dockerd.log");
  const output = openSync(logFile, "a", 0o600);
  spawn("dockerd", [], { detached: true, stdio: ["ignore", output, output] }).unref();
  for (const deadline = Date.now() + minute; Date.now() < deadline; await pause(500)) {
    if (await isEngineUp()) return { available: true, reason: "" };
  }
  const text = await readFile(logFile, "utf8").catch(() => "");
  return {
    available: false,
    reason: `dockerd did not start (see ${logFile}): ${text.trim().split("\n").at(-1) ?? ""}`,
  };
}

/** What this machine is, and whether we may install on it. */
async function readSystem() {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  const facts = Object.fromEntries(
    [...text.matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm)].map(([, name, value]) => [name, value]),
  );
  const isDebian = ["debian", "ubuntu"].some(
    (id) => facts.ID === id || (facts.ID_LIKE ?? "").split(" ").includes(id),
  );
  const isRoot = process.getuid?.() === 0;
  const reason = !isDebian ? "this is not Debian or Ubuntu" : !isRoot ? "we are not root" : "";
  return {
    canInstall: reason === "",
    reason,
    codename: facts.UBUNTU_CODENAME ?? facts.VERSION_CODENAME ?? "",
    isUbuntu: facts.ID === "ubuntu",
  };
}

/** Installs packages unless all their programs are already there. */
async function installPackages(names, programs, log) {
  const present = await Promise.all(programs.map(hasProgram));
  if (present.every(Boolean)) return;
  log(`installing ${names.join(", ")}`);
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    timeout: 10 * minute,
    maxBuffer: 1 << 26,
  };
  await run("apt-get", ["update", "-q"], options);
  await run("apt-get", ["install", "-q", "-y", "--no-install-recommends", ...names], options);
}

async function hasProgram(name) {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
  const found = await Promise.all(
    folders.map((folder) =>
      access(join(folder, name)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}

/** Where packages come from, and through which proxy: as this machine's own apt is set up. */
async function readMirror(codename) {
  const format = "$(SITE)|$(CODENAME)|$(COMPONENT)";
  const list = async () =>
    (await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"])).stdout;
  let text = await list();
  if (!text.includes(`|${codename}|main`)) {
    await run("apt-get", ["update", "-q"], { timeout: 5 * minute, maxBuffer: 1 << 26 });
    text = await list();
  }
  const row = text.split("\n").find((line) => line.endsWith(`|${codename}|main`));
  if (row === undefined) throw new Error(`apt on this machine has no source for ${codename} main`);
  const { stdout } = await run("apt-config", [
    "dump",
    "--format",
    "%f=%v%n",
    "Acquire::http::Proxy",
  ]);
  const proxy = /^Acquire::http::Proxy=(.+)$/m.exec(stdout)?.[1];
  return {
    mirror: row.split("|")[0],
    environment: proxy === undefined ? {} : { http_proxy: proxy },
  };
}

async function buildImages(folder, system, recipe, log) {
  const { mirror, environment } = await readMirror(system.codename);
  const full = join(folder, "full");
  log(
    `building ${testHostImage} with debootstrap (${system.codename}); this happens once per machine`,
  );
  await run(
    "debootstrap",
    [
      "--variant=minbase",
      `--components=${system.isUbuntu ? "main,universe" : "main"}`,
      `--include=${packages.join(",")}`,
      system.codename,
      full,
      mirror,
    ],
    { env: { ...process.env, ...environment }, timeout: 10 * minute, maxBuffer: 1 << 26 },
  );
  await prepareSystem(full);
  await importImage(full, testHostImage, recipe);
  const reduced = join(folder, "busybox");
  await cp(full, reduced, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  await run("chroot", [reduced, "/usr/bin/busybox", "sh", "-c", reduceToBusybox]);
  await importImage(reduced, busyboxHostImage, recipe);
  log(`built ${testHostImage} and ${busyboxHostImage}`);
}

/** Drops what makes machines alike or the image large, and puts our own files in. */
async function prepareSystem(root) {
  const inside = (path) => join(root, path);
  const useless = [
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "dev",
  ];
  await Promise.all(useless.map((path) => rm(inside(path), { recursive: true, force: true })));
  await run("sh", [
    "-c",
    'rm -f "$1"/etc/ssh/ssh_host_*; : >"$1"/etc/machine-id; mkdir "$1"/dev',
    "sh",
    root,
  ]);
  await writeFile(inside("etc/ssh/sshd_config"), sshdConfig);
  await writeFile(inside("usr/sbin/gpujob-test-host"), entryPoint);
  await chmod(inside("usr/sbin/gpujob-test-host"), 0o755);
}

async function importImage(root, tag, recipe) {
  const script =
    'tar -C "$1" --numeric-owner -c . | docker import --change "LABEL $2" --change \'CMD ["/usr/sbin/gpujob-test-host"]\' - "$3"';
  await run("sh", ["-c", script, "sh", root, `${recipeLabel}=${recipe}`, tag], {
    timeout: 5 * minute,
  });
}

async function readRecipe(tag) {
  const format = `{{index .Config.Labels "${recipeLabel}"}}`;
  return run("docker", ["image", "inspect", "--format", format, tag]).then(
    ({ stdout }) => stdout.trim(),
    () => "",
  );
}

function recipeHash() {
  const recipe = JSON.stringify([packages, entryPoint, sshdConfig, reduceToBusybox]);
  return createHash("sha256").update(recipe).digest("hex");
}

/** The last line of what a failed program said; that is where the reason stands. */
function lastLine(error) {
  const text = String(error?.stderr || error?.message || error).trim();
  return text.split("\n").at(-1) ?? "";
}
