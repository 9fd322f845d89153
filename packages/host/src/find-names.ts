import { execFile } from "node:child_process";
import type { Dirent } from "node:fs";
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import type { Ignore } from "ignore";
import ignore from "ignore";
import type { SkippedFile } from "@gpujob/spec";

/** Lies in a folder of outputs that came home: they are never sent again. */
export const outputsMarker = ".gpujob-outputs";

/** Which names below a folder are to be sent. */
export interface FoundNames {
  readonly names: readonly string[];
  readonly skipped: readonly SkippedFile[];
  /** Ignored names as git collapses them: a folder ends with `/`. */
  readonly ignored: readonly string[];
}

type Wait = { readonly signal: AbortSignal };

/**
 * The file set of a folder: in a git tree what git tracks or would, else everything; without what `.gpujobignore`
 * names, without git's own folder, and without outputs that came home.
 */
export async function findNames(
  folder: string,
  options: Wait & { readonly withIgnored: boolean },
): Promise<FoundNames> {
  const rules = await readRules(folder);
  const [listed, ignored] = await Promise.all([
    listByGit(folder, options),
    options.withIgnored ? listIgnored(folder, options) : [],
  ]);
  const { names, skipped } = listed ?? (await walk(folder));
  const outputs = names
    .filter((name) => name.endsWith(outputsMarker))
    .filter((name) => name === outputsMarker || name.endsWith(`/${outputsMarker}`))
    .map((name) => name.slice(0, -outputsMarker.length));
  const isOutput = (name: string): boolean => outputs.some((output) => name.startsWith(output));
  const isIgnored = (name: string): boolean => rules?.ignores(name) ?? false;
  return { names: names.filter((name) => !isOutput(name) && !isIgnored(name)), skipped, ignored };
}

/** `undefined`: there are none; asking rules without a line costs as much as reading the folder. */
async function readRules(folder: string): Promise<Ignore | undefined> {
  try {
    return ignore().add(await readFile(join(folder, ".gpujobignore"), "utf8"));
  } catch {
    return undefined;
  }
}

interface ReadNames {
  readonly names: string[];
  readonly skipped: SkippedFile[];
}

/** Names as text; one that is not valid UTF-8 cannot be sent. */
function readNames(found: readonly Buffer[]): ReadNames {
  const names: string[] = [];
  const skipped: SkippedFile[] = [];
  for (const bytes of found) {
    const name = bytes.toString("utf8");
    // A byte that is none becomes this sign, which a name may have too.
    if (name.includes("\ufffd") && !Buffer.from(name).equals(bytes)) {
      skipped.push({ path: name, reason: "its name is not valid UTF-8" });
    } else names.push(name);
  }
  return { names, skipped };
}

/** `undefined`: not in a git tree, or there is no git. */
async function listByGit(folder: string, wait: Wait): Promise<ReadNames | undefined> {
  const found = await listBytesByGit(folder, wait);
  return found && readNames(found);
}

async function listBytesByGit(folder: string, wait: Wait): Promise<Buffer[] | undefined> {
  const output = await runGit(folder, ["ls-files", "-z", "-co", "--exclude-standard"], wait);
  if (output === undefined) return undefined;
  const names: Buffer[] = [];
  for (const name of splitNames(output)) {
    // A repository inside the repository is one entry, a folder: its own git knows what belongs to it.
    const inner = name.at(-1) === 47 ? name.subarray(0, -1) : undefined;
    if (inner === undefined) names.push(name);
    else {
      const below = join(folder, inner.toString("utf8"));
      for (const part of (await listBytesByGit(below, wait)) ?? []) {
        names.push(Buffer.concat([inner, Buffer.from("/"), part]));
      }
    }
  }
  // Everything ignored, as in a build folder: then the user means what is there.
  return names.length === 0 ? undefined : names;
}

async function listIgnored(folder: string, wait: Wait): Promise<string[]> {
  const args = ["ls-files", "-z", "-o", "-i", "--exclude-standard", "--directory"];
  const output = await runGit(folder, args, wait);
  return output === undefined ? [] : splitNames(output).map((name) => name.toString("utf8"));
}

/** Is there a repository around this folder? Starting git to be told no takes longer than the whole scan. */
function isInGitTree(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, ".git"))) return true;
    if (dirname(at) === at) return false;
  }
}

async function runGit(folder: string, args: string[], wait: Wait): Promise<Buffer | undefined> {
  if (!isInGitTree(folder)) return undefined;
  try {
    const { stdout } = await promisify(execFile)("git", args, {
      cwd: folder,
      encoding: "buffer",
      maxBuffer: 1 << 30,
      ...wait,
    });
    return stdout;
  } catch {
    wait.signal.throwIfAborted();
    return undefined;
  }
}

function splitNames(output: Buffer): Buffer[] {
  const names: Buffer[] = [];
  let start = 0;
  for (let end = output.indexOf(0); end >= 0; end = output.indexOf(0, start)) {
    names.push(output.subarray(start, end));
    start = end + 1;
  }
  return names;
}

async function walk(folder: string): Promise<ReadNames> {
  const names: string[] = [];
  const skipped: SkippedFile[] = [];
  const pending = [""];
  for (let below = pending.pop(), at = 0; below !== undefined; below = pending.pop(), at++) {
    // At once, because a thread per folder costs more than the reading; but others get their turn.
    if (at % 16 === 15) await nextTurn();
    const entries = readdirSync(`${folder}/${below}`, { withFileTypes: true });
    if (entries.some((entry) => entry.name.includes("\ufffd"))) {
      const found = readNames(readdirSync(`${folder}/${below}`, { encoding: "buffer" }));
      const valid = new Set(found.names);
      for (const { path, reason } of found.skipped) skipped.push({ path: below + path, reason });
      addEntries(
        below,
        entries.filter((entry) => valid.has(entry.name)),
        { names, pending },
      );
    } else addEntries(below, entries, { names, pending });
  }
  return { names, skipped };
}

function addEntries(
  below: string,
  entries: readonly Dirent[],
  into: { readonly names: string[]; readonly pending: string[] },
): void {
  for (const entry of entries) {
    const name = below + entry.name;
    if (!entry.isDirectory()) into.names.push(name);
    else if (entry.name !== ".git") into.pending.push(`${name}/`);
  }
}
