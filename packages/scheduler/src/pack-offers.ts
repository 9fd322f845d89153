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

/** Groups name places and cards by their position, because many share one. */
interface Head {
  readonly size: number;
  readonly places: readonly Place[];
  readonly cards: readonly (OfferGpu | null)[];
  /** Place, card, count, first id, and the bytes of the body: from, to. */
  readonly groups: readonly (readonly [number, number, number, string, number, number])[];
}

/** Packs an index so that a question about a few offers reads a few. */
export function packOffers({ groups, size }: OfferIndex): PackedOffers {
  const places = countPositions<Place>();
  const cards = countPositions<OfferGpu | null>();
  const chunks: Uint8Array[] = [];
  const encoder = new TextEncoder();
  let at = 0;
  const packed = groups.map(({ place, gpu, count, firstId, offers }): Head["groups"][number] => {
    const chunk = encoder.encode(JSON.stringify(packRows(offers)));
    chunks.push(chunk);
    const from = at;
    at += chunk.byteLength;
    return [places.of(place), cards.of(gpu ?? null), count, firstId, from, at];
  });
  const head: Head = { size, places: places.values, cards: cards.values, groups: packed };
  return { head: JSON.stringify(head), body: join(chunks, at) };
}

/**
 * The index again; its offers are read from the body when they are looked at. Only for what `packOffers` made: other texts
 * may throw anything, here or at the first look.
 */
export function openPackedOffers({ head, body }: PackedOffers): OfferIndex {
  // Made by `packOffers`, which the caller vouches for.
  const { size, places, cards, groups }: Head = JSON.parse(head);
  const keys = cards.map((gpu) => cardKey(gpu ?? undefined));
  const decoder = new TextDecoder();
  const read = (from: number, to: number, count: number): readonly Offer[] => {
    const rows: PackedRows = JSON.parse(decoder.decode(body.subarray(from, to)));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- rows that were packed from offers
    return unpackRows(rows, count) as unknown as readonly Offer[];
  };
  return {
    size,
    groups: groups.map(([placeAt, cardAt, count, firstId, from, to]): OfferGroup => {
      const place = places[placeAt];
      if (place === undefined) throw new TypeError("A group of offers has no place.");
      const gpu = cards[cardAt] ?? undefined;
      let offers: readonly Offer[] | undefined;
      return {
        card: keys[cardAt] ?? "",
        place,
        ...(gpu === undefined ? {} : { gpu }),
        count,
        firstId,
        get offers() {
          return (offers ??= read(from, to, count));
        },
      };
    }),
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
