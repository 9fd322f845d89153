import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { usage } from "../flags.ts";

/** Writes a file that must not be there yet, unless `isForced`. Answers its absolute path; throws `usage` when it is there. */
export async function writeNewFile(
  file: string,
  content: string,
  isForced: boolean,
  cwd: string,
): Promise<string> {
  const path = resolve(cwd, file);
  try {
    await writeFile(path, content, { flag: isForced ? "w" : "wx" });
    return path;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST")
      throw usage(`${file} is there already.`, "Give another name, or --force.");
    const why = error instanceof Error ? error.message : String(error);
    throw usage(`${file} could not be written: ${why}`);
  }
}
