import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { indexOffers, openPackedOffers, packOffers } from "@gpujob/scheduler";
import type { OfferIndex } from "@gpujob/scheduler";
import type { Offer, PlatformConfig } from "@gpujob/spec";

/** What a platform answered, and when. */
export interface KeptOffers {
  readonly index: OfferIndex;
  /** Epoch milliseconds at which it was asked. */
  readonly askedAt: number;
}

/** What platforms offered when they were last asked, kept between calls of the program. */
export interface OfferCache {
  /** The last answer under the same settings; `undefined` where there is none, it is too old or cannot be read. */
  read(platform: PlatformConfig): KeptOffers | undefined;
  /** Remembers an answer. It is written by `flush`, behind what a user waits for. */
  keep(platform: PlatformConfig, offers: readonly Offer[], askedAt: number): void;
  /** Writes what is not written yet. Never fails: without a cache platforms are asked more often, and that is all. */
  flush(): Promise<void>;
}

/** Raised whenever the meaning of a file changes: others are thrown away. */
const format = 1;

/** Nobody is helped by what was offered on another day. */
const longestMs = 86_400_000;

const newLine = 10;

/** The first line of a file; head and body of the packed offers follow. */
interface Label {
  readonly format: number;
  readonly key: string;
  readonly askedAt: number;
  readonly headBytes: number;
  readonly crc: number;
}

/**
 * One file per platform in a folder of its own, readable by the user alone. A file that is damaged, or was made under other
 * settings of the platform, counts as none. Settings name secrets and hold none, and only a hash of them is written.
 */
export function createOfferCache(options: {
  /** The state folder. */
  readonly home: string;
  /** Prices without a currency are in this one. */
  readonly currency: string;
  readonly clock: { readonly now: () => number };
}): OfferCache {
  const { clock } = options;
  const folder = join(options.home, "offers");
  const pending = new Map<string, KeptOffers & { readonly key: string }>();
  /** Of everything that an answer may hang on. */
  const keyOf = (platform: PlatformConfig): string => {
    const { origin: _origin, positions: _positions, timeouts: _timeouts, ...rest } = platform;
    const text = JSON.stringify([rest, options.currency]);
    return createHash("sha256").update(text).digest("hex");
  };
  const isUsable = (askedAt: number): boolean => {
    const ageMs = clock.now() - askedAt;
    return ageMs >= 0 && ageMs <= longestMs;
  };

  async function write(path: string, kept: KeptOffers & { readonly key: string }): Promise<void> {
    const { head, body } = packOffers(kept.index);
    const content = Buffer.concat([Buffer.from(head), body]);
    const headBytes = content.length - body.length;
    const { key, askedAt } = kept;
    const label: Label = { format, key, askedAt, headBytes, crc: crc32(content) };
    // Another process may write the same: each reader sees one or the other, whole.
    const draft = `${path}.${process.pid}.new`;
    await writeFile(draft, [`${JSON.stringify(label)}\n`, content], { mode: 0o600 });
    await rename(draft, path);
  }

  return {
    read(platform) {
      const key = keyOf(platform);
      const path = pathOf(folder, platform);
      const fresh = pending.get(path);
      const found = fresh ?? readKept(path);
      return found?.key === key && isUsable(found.askedAt) ? found : undefined;
    },
    keep(platform, offers, askedAt) {
      const kept = { key: keyOf(platform), askedAt, index: indexOffers(offers) };
      pending.set(pathOf(folder, platform), kept);
    },
    async flush() {
      const entries = [...pending];
      pending.clear();
      if (entries.length === 0) return;
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        for (const [path, kept] of entries) await write(path, kept);
        await dropOld(folder, clock.now() - longestMs);
      } catch {
        // As on a full disk: the next call asks again.
      }
    },
  };
}

function pathOf(folder: string, { name }: PlatformConfig): string {
  return join(folder, `${encodeURIComponent(name)}.offers`);
}

/** A file as `write` made it; anything else is `undefined`, and overwritten by the next answer. */
function readKept(path: string): (KeptOffers & { readonly key: string }) | undefined {
  try {
    const bytes = readFileSync(path);
    const labelEnd = bytes.indexOf(newLine);
    const label: unknown = JSON.parse(bytes.toString("utf8", 0, labelEnd));
    const content = bytes.subarray(labelEnd + 1);
    if (!isLabel(label) || crc32(content) !== label.crc) return undefined;
    const index = openPackedOffers({
      head: content.toString("utf8", 0, label.headBytes),
      body: content.subarray(label.headBytes),
    });
    return { key: label.key, askedAt: label.askedAt, index };
  } catch {
    return undefined;
  }
}

function isLabel(value: unknown): value is Label {
  if (typeof value !== "object" || value === null) return false;
  const { format: made, key, askedAt, headBytes, crc } = value as Partial<Record<string, unknown>>;
  return (
    made === format &&
    typeof key === "string" &&
    [askedAt, headBytes, crc].every((each) => typeof each === "number")
  );
}

/** Answers of platforms that are in no configuration any more, and drafts of processes that were killed. */
async function dropOld(folder: string, before: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if ((await stat(path)).mtimeMs < before) await rm(path, { force: true });
  }
}
