import { hash } from "node:crypto";
import type { UploadFile } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { quoteShell } from "./shell-quote.ts";

/** A file with its place in the work folder and its line in the manifest. */
export interface ManifestEntry {
  readonly file: UploadFile;
  /** Where it is stored: the path itself, or a stand-in for a name that has a newline. */
  readonly path: string;
  /** Its final path, where that differs. */
  readonly finalPath?: string;
  /** `hash mode path`; the path begins at column 71. */
  readonly line: string;
}

/** What an upload wants in the work folder. */
export interface Manifest {
  /** Files, by path. */
  readonly entries: readonly ManifestEntry[];
  /** Symbolic links: a few bytes each, always sent, and never in a list that the host keeps. */
  readonly links: readonly ManifestEntry[];
  /** Shell text that gives stand-ins their names; empty when there are none. */
  readonly place: string;
}

/** Lays files out below `into`. Throws `spec_invalid` for a path that leaves the work folder. */
export function createManifest(files: readonly UploadFile[], into: string): Manifest {
  const byPath = new Map<string, ManifestEntry>();
  for (const file of files) {
    const entry = createEntry(file, joinInside(into, file.path));
    byPath.set(entry.path, entry);
  }
  const entries = [...byPath.values()];
  const place = entries.flatMap((entry) => {
    if (entry.finalPath === undefined) return [];
    const folder = entry.finalPath.replace(/\/?[^/]*$/, "") || ".";
    const from = quoteShell(`./${entry.path}`);
    // On a later upload it has its name already.
    return [
      `[ ! -e ${from} ] || { mkdir -p ${quoteShell(`./${folder}`)} && mv -f ${from} ${quoteShell(`./${entry.finalPath}`)}; }\n`,
    ];
  });
  return {
    entries: entries
      .filter(({ file }) => file.link === undefined)
      .toSorted((left, right) => (left.path < right.path ? -1 : 1)),
    links: entries.filter(({ file }) => file.link !== undefined),
    place: place.join(""),
  };
}

/** Lines as the host reads them. */
export function renderLines(entries: readonly { readonly line: string }[]): Buffer {
  return Buffer.from(entries.map(({ line }) => `${line}\n`).join(""));
}

function createEntry(file: UploadFile, path: string): ManifestEntry {
  const mode = file.link === undefined ? (file.mode & 0o7777).toString(8).padStart(4, "0") : "link";
  if (!path.includes("\n")) return { file, path, line: `${file.sha256} ${mode} ${path}` };
  const standIn = `.gpujob-name-${hash("sha256", path, "hex").slice(0, 32)}`;
  return { file, path: standIn, finalPath: path, line: `${file.sha256} ${mode} ${standIn}` };
}

const plainPath = /^[^./\0][^/\0]*(?:\/[^./\0][^/\0]*)*$/;

/** `path` below `folder`, normalised. Throws when it is absolute or climbs out. */
export function joinInside(folder: string, path: string): string {
  // Nearly every path: no empty, long or dotted part, and nothing to join.
  if (folder === "." && path.length < 80 && plainPath.test(path)) return path;
  const parts = [...folder.split("/"), ...path.split("/")].filter(
    (part) => part !== "" && part !== ".",
  );
  const isBad = path.startsWith("/") || folder.startsWith("/") || parts.includes("..");
  if (isBad || parts.length === 0 || path.includes("\0")) {
    throw new GpujobError(
      "spec_invalid",
      `${JSON.stringify(path)} does not lie inside the work folder.`,
      { hint: "Use paths relative to the work folder, without `..`." },
    );
  }
  const long = parts.find((part) => Buffer.byteLength(part) > 255);
  if (long !== undefined) {
    throw new GpujobError(
      "spec_invalid",
      `The file name ${JSON.stringify(`${long.slice(0, 40)}…`)} is longer than 255 bytes.`,
    );
  }
  return parts.join("/");
}
