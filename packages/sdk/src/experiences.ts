import { access } from "node:fs/promises";
import { join } from "node:path";
import { findPlatformTraits, findPublicFolders, neutralTraits } from "@gpujob/catalog";
import type { PlatformTraits, PublicFolder } from "@gpujob/catalog";
import type { PlatformRating } from "@gpujob/spec";
import { describeRecord, readRecords } from "@gpujob/scheduler";
import type { PlaceRecord, Records } from "@gpujob/scheduler";
import type { Store } from "@gpujob/store";
import type { LearntPlace } from "./gpujob.ts";
import type { ConfiguredPlatform } from "./platforms.ts";
import type { Surroundings } from "./surroundings.ts";

/** Platforms change: what is older says little about today. */
const memoryMs = 180 * 24 * 3_600_000;
/** So many of the newest leases are enough to know places by, and read in a few milliseconds. */
const mostRead = 1000;

/** What own leases of the last half year told of their places. Makes no store where there is none. */
export async function readExperiences(
  around: Surroundings,
  openStore: () => Promise<Store>,
): Promise<Records | undefined> {
  const isThere = await access(join(around.home, "gpujob.db")).then(
    () => true,
    () => false,
  );
  if (!isThere) return undefined;
  const since = around.clock.now() - memoryMs;
  const experiences = await (await openStore()).listExperiences({ since, limit: mostRead });
  return experiences.length === 0 ? undefined : readRecords(experiences);
}

/** What people say of the configured platforms, by name; those that nobody knows are left out. */
export function traitsOf(
  platforms: readonly Pick<ConfiguredPlatform, "name" | "config">[],
): Readonly<Record<string, PlatformTraits>> {
  return Object.fromEntries(
    platforms.flatMap(({ name, config }) => {
      const ids = [config.adapter, ...vendorsOf(config.settings["hosts"]), name];
      const said = ids.flatMap((id) => findPlatformTraits(id) ?? [])[0];
      const traits = rate(name, said, config.rating);
      return traits === undefined ? [] : [[name, traits]];
    }),
  );
}

/** What the user says of a platform stands before what people say. */
function rate(
  name: string,
  said: PlatformTraits | undefined,
  rating: PlatformRating | undefined,
): PlatformTraits | undefined {
  if (rating === undefined) return said;
  const { certified, ...shares } = rating;
  const unknown = { ...neutralTraits, id: name, title: name };
  const own = Object.entries(shares).map(([key, share]) => [key, { share, why: "as you rate it" }]);
  return {
    ...unknown,
    ...said,
    ...Object.fromEntries(own),
    ...(certified === undefined ? {} : { isCertified: certified }),
    source: "your configuration",
    observedAt: "",
  };
}

/** The folders of public data on the configured platforms, by name. */
export function publicFoldersOf(
  platforms: readonly Pick<ConfiguredPlatform, "name" | "config">[],
): Readonly<Record<string, readonly PublicFolder[]>> {
  return Object.fromEntries(
    platforms.flatMap(({ name, config }) => {
      const ids = [config.adapter, ...vendorsOf(config.settings["hosts"]), name];
      const folders = ids.map(findPublicFolders).find((found) => found.length > 0);
      return folders === undefined ? [] : [[name, folders]];
    }),
  );
}

/** Where machines that were rented by hand came from, as their configuration says: the same for all, or nothing. */
function vendorsOf(hosts: unknown): readonly string[] {
  if (!Array.isArray(hosts)) return [];
  const vendors = new Set(
    hosts.flatMap((host: unknown) => {
      const from = textOf(host, "sheet") ?? textOf(host, "platform");
      return from === undefined ? [] : [from.split("/")[0] ?? from];
    }),
  );
  return vendors.size === 1 ? [...vendors] : [];
}

function textOf(host: unknown, key: string): string | undefined {
  if (typeof host !== "object" || host === null) return undefined;
  const value: unknown = Reflect.get(host, key);
  return typeof value === "string" ? value : undefined;
}

/** What is shown of a platform: all of it, and by kind of machine. */
export function learntOf(
  name: string,
  records: Records | undefined,
): { readonly learnt?: LearntPlace } {
  const own = records?.byPlatform[name];
  if (records === undefined || own === undefined) return {};
  const types = Object.values(records.byType)
    .filter(({ platform }) => platform === name)
    .toSorted((a, b) => ((a.instanceType ?? "") < (b.instanceType ?? "") ? -1 : 1));
  return { learnt: { ...inWords(own), types: types.map(inWords) } };
}

function inWords(record: PlaceRecord): LearntPlace {
  return { ...record, seen: describeRecord(record) };
}
