/** A folder of public data that is there on every machine of a platform, read-only. What is in it nobody lists. */
export interface PublicFolder {
  /** An adapter's id, or the first part of a price sheet's. */
  readonly platform: string;
  readonly kind: "datasets" | "models";
  readonly path: string;
  readonly source: string;
  /** ISO-8601 date; the first of the month where only the month is known. */
  readonly observedAt: string;
}

const folders: readonly PublicFolder[] = [
  {
    platform: "autodl",
    kind: "datasets",
    path: "/root/autodl-pub",
    source: "https://www.autodl.com/docs",
    observedAt: "2026-09-08",
  },
  {
    platform: "gpugeek",
    kind: "datasets",
    path: "/gz-datasets",
    source: "https://gpugeek.com/docs storage",
    observedAt: "2026-11-01",
  },
  {
    platform: "gpugeek",
    kind: "models",
    path: "/gz-models",
    source: "https://gpugeek.com/docs storage",
    observedAt: "2026-11-01",
  },
  {
    // Its documents also say /models; in containers only.
    platform: "compshare",
    kind: "models",
    path: "/model",
    source: "https://www.compshare.cn/docs",
    observedAt: "2026-11-01",
  },
];

/** The public folders of a platform, by the id of its adapter or of its price sheets. */
export function findPublicFolders(platform: string): readonly PublicFolder[] {
  return folders.filter((each) => each.platform === platform.toLowerCase());
}
