import type { Offer, OfferGpu } from "@gpujob/spec";
import type { Place } from "./match-place.ts";
import { cardKey, type OfferGroup, type OfferIndex } from "./offer-index.ts";
import { packRows, unpackRows, type PackedRows } from "./pack-rows.ts";

/** An index as two texts of JSON: what a question is held against first, and all offers. */
export interface PackedOffers {
  /** Small, to be read whole. */
  readonly head: string;
  /** Read in parts, by group. In bytes of UTF-8, because the head tells the parts by them. */
  readonly body: Uint8Array;
}

/** Groups name places, cards and parts of the body by their position, because many share one. */
interface Head {
  readonly size: number;
  readonly places: readonly Place[];
  readonly cards: readonly (OfferGpu | null)[];
  /** Bytes of the body from which each part goes on to the next, and how many offers it has. */
  readonly parts: readonly (readonly [number, number])[];
  /** Five numbers of each group in a row: place, card, part, and which of the offers there, from and to. */
  readonly groups: readonly number[];
  readonly firstIds: readonly string[];
}

const groupWidth = 5;

/**
 * Packs an index so that a question about a few offers reads a few: what one platform offers with the same cards is read
 * together.
 */
export function packOffers({ groups, size, read }: OfferIndex): PackedOffers {
  const places = countPositions<Place>();
  const cards = countPositions<OfferGpu | null>();
  const together = countPositions<string>();
  const offers: Offer[][] = [];
  const numbers = groups.flatMap((group) => {
    const { card, place, gpu } = group;
    const part = together.of(`${place.platform}\t${place.market}\t${card}`);
    const before = (offers[part] ??= []);
    const from = before.length;
    before.push(...read(group));
    return [places.of(place), cards.of(gpu ?? null), part, from, before.length];
  });
  const encoder = new TextEncoder();
  const chunks = offers.map((own) => encoder.encode(JSON.stringify(packRows(own))));
  let at = 0;
  const parts = chunks.map((chunk, part): Head["parts"][number] => {
    const from = at;
    at += chunk.byteLength;
    return [from, offers[part]?.length ?? 0];
  });
  const head: Head = {
    size,
    places: places.values,
    cards: cards.values,
    parts,
    groups: numbers,
    firstIds: groups.map(({ firstId }) => firstId),
  };
  return { head: JSON.stringify(head), body: join(chunks, at) };
}

/** A group that knows where its offers are. */
interface PackedGroup extends OfferGroup {
  readonly part: number;
  readonly from: number;
}

/**
 * The index again; its offers are read from the body when they are looked at. Only for what `packOffers` made: other texts
 * may throw anything, here or at the first look.
 */
export function openPackedOffers({ head, body }: PackedOffers): OfferIndex {
  // Made by `packOffers`, which the caller vouches for.
  const opened: Head = JSON.parse(head);
  const groups = openGroups(opened);
  const readPart = openParts(body, opened.parts);
  return {
    groups,
    size: opened.size,
    read: (group) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one of those made here
      const { part, from, count } = group as PackedGroup;
      return readPart(part).slice(from, from + count);
    },
  };
}

function openGroups({ places, cards, groups, firstIds }: Head): readonly PackedGroup[] {
  const keys = cards.map((gpu) => cardKey(gpu ?? undefined));
  return firstIds.map((firstId, index) => {
    const [placeAt = -1, cardAt = -1, part = -1, from = 0, to = 0] = groups.slice(
      index * groupWidth,
      (index + 1) * groupWidth,
    );
    const place = places[placeAt];
    if (place === undefined) throw new TypeError("A group of offers has no place.");
    const gpu = cards[cardAt];
    const card = keys[cardAt] ?? "";
    const plain = { card, place, count: to - from, firstId, part, from };
    return gpu === null || gpu === undefined ? plain : { ...plain, gpu };
  });
}

/** Reads each part once. */
function openParts(body: Uint8Array, parts: Head["parts"]): (part: number) => readonly Offer[] {
  const decoder = new TextDecoder();
  const known = new Map<number, readonly Offer[]>();
  return (part) => {
    const before = known.get(part);
    if (before !== undefined) return before;
    const [from, count] = parts[part] ?? [0, 0];
    const [to] = parts[part + 1] ?? [body.byteLength];
    const rows: PackedRows = JSON.parse(decoder.decode(body.subarray(from, to)));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- rows that were packed from offers
    const offers = unpackRows(rows, count) as unknown as readonly Offer[];
    known.set(part, offers);
    return offers;
  };
}

interface Positions<Value> {
  readonly values: readonly Value[];
  readonly of: (value: Value) => number;
}

/** Values by their text, each once. */
function countPositions<Value>(): Positions<Value> {
  const values: Value[] = [];
  const known = new Map<string, number>();
  return {
    values,
    of(value) {
      const key = JSON.stringify(value);
      const at = known.get(key) ?? values.push(value) - 1;
      known.set(key, at);
      return at;
    },
  };
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const joined = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.byteLength;
  }
  return joined;
}
