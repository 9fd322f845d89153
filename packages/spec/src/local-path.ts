import { resolve } from "node:path";

/** An absolute path on this machine: `~/` is the home folder, all else is relative to `folder`. */
export function resolveLocal(
  path: string,
  from: { readonly folder: string; readonly home?: string },
): string {
  const isHome = path === "~" || path.startsWith("~/");
  if (isHome && from.home !== undefined) return resolve(from.home, path.slice(2));
  return resolve(from.folder, path);
}
