/** Finds any of several byte strings in a stream, in time that grows with the stream only. */
export interface ByteMatcher {
  /** The state before anything was read. */
  readonly start: number;
  /** The state after one more byte. */
  next(state: number, byte: number): number;
  /** Length of the longest pattern that ends in this state; 0: none does. */
  matchLength(state: number): number;
  /** How many of the last bytes may still become part of a pattern. */
  pending(state: number): number;
}

interface Trie {
  /** By `state * 256 + byte`. */
  readonly edges: Map<number, number>;
  readonly depth: number[];
  readonly match: number[];
  /** The byte that leads into a state, and the state it comes from. */
  readonly byte: number[];
  readonly parent: number[];
}

/** Builds a matcher after Aho and Corasick; empty patterns are left out. */
export function createByteMatcher(patterns: readonly Uint8Array[]): ByteMatcher {
  const trie: Trie = { edges: new Map(), depth: [0], match: [0], byte: [0], parent: [0] };
  for (const pattern of patterns) insert(trie, pattern);
  const fallback = linkFallbacks(trie);
  // Most bytes of a log begin no secret: the first state has a table of its own.
  const first = Int32Array.from({ length: 256 }, (_, byte) => trie.edges.get(byte) ?? 0);
  return {
    start: 0,
    next: (from, byte) => (from === 0 ? (first[byte] ?? 0) : follow(trie, fallback, from, byte)),
    matchLength: (state) => trie.match[state] ?? 0,
    pending: (state) => trie.depth[state] ?? 0,
  };
}

function insert(trie: Trie, pattern: Uint8Array): void {
  let state = 0;
  for (const byte of pattern) {
    const key = state * 256 + byte;
    let target = trie.edges.get(key);
    if (target === undefined) {
      target = trie.depth.length;
      trie.edges.set(key, target);
      trie.depth.push((trie.depth[state] ?? 0) + 1);
      trie.match.push(0);
      trie.byte.push(byte);
      trie.parent.push(state);
    }
    state = target;
  }
  if (state !== 0) trie.match[state] = pattern.length;
}

function follow(trie: Trie, fallback: Int32Array, from: number, byte: number): number {
  let state = from;
  for (;;) {
    const target = trie.edges.get(state * 256 + byte);
    if (target !== undefined) return target;
    if (state === 0) return 0;
    state = fallback[state] ?? 0;
  }
}

/** For each state, the longest other one that its last bytes also lead to; shorter states come first. */
function linkFallbacks(trie: Trie): Int32Array {
  const fallback = new Int32Array(trie.depth.length);
  const byDepth = trie.depth.map((_, state) => state).toSorted((a, b) => depthOf(a) - depthOf(b));
  function depthOf(state: number): number {
    return trie.depth[state] ?? 0;
  }
  for (const state of byDepth) {
    const parent = trie.parent[state] ?? 0;
    if (state === 0 || parent === 0) continue;
    const target = follow(trie, fallback, fallback[parent] ?? 0, trie.byte[state] ?? 0);
    fallback[state] = target;
    trie.match[state] = Math.max(trie.match[state] ?? 0, trie.match[target] ?? 0);
  }
  return fallback;
}
