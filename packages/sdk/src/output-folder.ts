import { mkdir, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { GpujobError } from "@gpujob/spec";

/**
 * Sees that outputs can be brought home before anything is rented for them, and leaves nothing behind. Throws `usage`
 * that names the folder and what is wrong with it.
 */
export async function checkOutputFolder(folder: string): Promise<void> {
  const made: string[] = [];
  try {
    // One level after the other: a recursive mkdir never comes back from file systems that make no folders.
    for (const missing of await findMissing(folder)) {
      await mkdir(missing, { mode: 0o755 });
      made.push(missing);
    }
    const probe = join(folder, `.gpujob-probe-${process.pid}`);
    await writeFile(probe, "");
    await rm(probe, { force: true });
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new GpujobError("usage", `Outputs could not be brought to ${folder} (${why}).`, {
      hint: "Name a folder that you may write to: --output DIR. Nothing was rented.",
      cause,
    });
  } finally {
    for (const each of made.toReversed()) await rmdir(each).catch(() => undefined);
  }
}

/** Folders of the path that are not there yet, the outermost first. */
async function findMissing(folder: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (let at = folder; ; at = dirname(at)) {
    const found = await stat(at).catch((error: unknown) => {
      const isAbsent = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!isAbsent || dirname(at) === at) throw error;
      return undefined;
    });
    if (found !== undefined) return missing.toReversed();
    missing.push(at);
  }
}
