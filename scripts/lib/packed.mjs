// @ts-check
import { globSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./command.mjs";
import { repository } from "./install.mjs";

const folder = join(".cache", "packed");

/** @returns {{ name: string, exports: Record<string, unknown> }[]} */
function publishedPackages() {
  return globSync(["packages/*/package.json", "adapters/*/package.json"], { cwd: repository })
    .map((file) => JSON.parse(readFileSync(join(repository, file), "utf8")))
    .filter((manifest) => manifest.private !== true);
}

/**
 * Packs every package as it would be published and lets publint and attw look at it.
 *
 * @returns {Promise<string[]>} What they say, where they object.
 */
export async function findPackageFaults() {
  rmSync(join(repository, folder), { recursive: true, force: true });
  mkdirSync(join(repository, folder), { recursive: true });
  const packages = publishedPackages();
  const names = packages.flatMap(({ name }) => ["--workspace", name]);
  const packed = await runCommand(["npm", "pack", "--pack-destination", folder, ...names]);
  if (packed.code !== 0) return [packed.output];
  /** @type {string[]} */
  const faults = [];
  for (const { name, exports } of packages) {
    const [file = ""] = globSync(`${name.replace("@", "").replace("/", "-")}-[0-9]*.tgz`, {
      cwd: join(repository, folder),
    });
    const tarball = join(folder, file);
    const commands = [["publint", "run", tarball, "--strict"]];
    const hasTypes = Object.keys(exports).some((entry) => entry !== "./package.json");
    if (hasTypes) commands.push(["attw", tarball, "--profile", "esm-only", "--no-emoji"]);
    for (const command of commands) {
      const { code, output } = await runCommand(command);
      if (code !== 0) faults.push(`${command[0]} on ${name}:\n${output}`);
    }
  }
  return faults;
}
