import type { HostFile } from "@gpujob/spec";

/** A listed file and the name that it gets here, relative to the folder. */
export interface LocalName {
  readonly file: HostFile;
  readonly name: string;
}

const deviceName = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$/i;

/**
 * Gives every file a name that every file system keeps apart: one that Windows reserves, and the later of two that
 * differ only in case or Unicode form, get a suffix. Nothing is lost and nothing overwrites another.
 */
export function chooseLocalNames(
  files: readonly HostFile[],
  platform: NodeJS.Platform,
): LocalName[] {
  const taken = new Set<string>();
  return files.map((file) => {
    const safe = file.path
      .split("/")
      .map((part) => escapePart(part, platform))
      .join("/");
    let name = safe;
    for (let number = 1; taken.has(fold(name)); number++) name = withSuffix(safe, number);
    taken.add(fold(name));
    return { file, name };
  });
}

/** `folder/name.ext` with `~number` before the extension. */
export function withSuffix(path: string, number: number): string {
  const [, base = path, extension = ""] = /^(.*?[^/]?)(\.[^./]*)?$/s.exec(path) ?? [];
  return `${base}~${number}${extension}`;
}

function fold(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

function escapePart(part: string, platform: NodeJS.Platform): string {
  let safe = platform === "win32" ? part.replaceAll(/[<>:"|?*\\]/g, "_") : part;
  if (deviceName.test(safe)) safe = `_${safe}`;
  // Windows drops these, so that two names become one.
  return safe.replace(/[. ]+$/, (tail) => "_".repeat(tail.length));
}
