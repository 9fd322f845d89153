import { mkdtemp, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { GpujobError } from "@gpujob/spec";

/**
 * Sees that outputs can be brought home before anything is rented for them, and leaves nothing behind. Throws `usage`
 * that names the folder and what is wrong with it.
 */
export async function checkOutputFolder(folder: string): Promise<void> {
  try {
    // A folder of its own name in what is there already: runs that start together never meet each other's probes.
    await rmdir(await mkdtemp(join(await findNearest(folder), ".gpujob-probe-")));
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new GpujobError("usage", `Outputs could not be brought to ${folder} (${why}).`, {
      hint: "Name a folder that you may write to: --output DIR. Nothing was rented.",
      cause,
    });
  }
}

/** The folder itself, or the nearest of those above it that exists. */
async function findNearest(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    const found = await stat(at).catch((error: unknown) => {
      const isAbsent = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!isAbsent || dirname(at) === at) throw error;
      return undefined;
    });
    if (found !== undefined) return at;
  }
}
