import { createHmac, timingSafeEqual } from "node:crypto";
import { fingerprintKey, readKeyType } from "./keys.ts";

/** One line of a known_hosts file. */
export interface KnownHostEntry {
  readonly marker?: "revoked" | "cert-authority";
  /** Host names and globs as written, or one hashed name. */
  readonly patterns: readonly string[];
  readonly type: string;
  readonly blob: Buffer;
}

/** What known_hosts says of a host. */
export interface KnownHost {
  /** Keys that the host may show. */
  readonly keys: readonly { readonly type: string; readonly fingerprint: string }[];
  /** Fingerprints that nobody may show any more. */
  readonly revoked: readonly string[];
  /** Is the host known through a certificate authority? We read no certificates. */
  readonly hasAuthority: boolean;
}

/** Reads a known_hosts file. Lines that make no sense are skipped, as ssh does. */
export function parseKnownHosts(text: string): readonly KnownHostEntry[] {
  return text.split("\n").flatMap((line) => {
    const words = line.trim().split(/\s+/);
    if ((words[0] ?? "") === "" || words[0]?.startsWith("#")) return [];
    const marker = readMarker(words[0] ?? "");
    if (marker !== undefined) words.shift();
    const [names, type, data] = words;
    if (names === undefined || type === undefined || data === undefined) return [];
    const blob = Buffer.from(data, "base64");
    if (readKeyType(blob) !== type) return [];
    return [
      { ...(marker === undefined ? {} : { marker }), patterns: names.split(","), type, blob },
    ];
  });
}

function readMarker(word: string): KnownHostEntry["marker"] {
  if (word === "@revoked") return "revoked";
  return word === "@cert-authority" ? "cert-authority" : undefined;
}

/** Everything that the entries say of `host` at `port`. */
export function findKnownHost(
  entries: readonly KnownHostEntry[],
  host: string,
  port: number,
): KnownHost {
  const name = (port === 22 ? host : `[${host}]:${port}`).toLowerCase();
  const found = entries.filter(({ patterns }) => matchesName(patterns, name));
  const keys = found.filter(({ marker }) => marker === undefined);
  return {
    keys: keys.map(({ type, blob }) => ({ type, fingerprint: fingerprintKey(blob) })),
    revoked: found
      .filter(({ marker }) => marker === "revoked")
      .map(({ blob }) => fingerprintKey(blob)),
    hasAuthority: found.some(({ marker }) => marker === "cert-authority"),
  };
}

/** Does a list of patterns name this host? A negated match rules the line out. */
function matchesName(patterns: readonly string[], name: string): boolean {
  const isNegated = patterns.some(
    (pattern) => pattern.startsWith("!") && matchesPattern(pattern.slice(1), name),
  );
  return (
    !isNegated &&
    patterns.some((pattern) => !pattern.startsWith("!") && matchesPattern(pattern, name))
  );
}

function matchesPattern(pattern: string, name: string): boolean {
  if (pattern.startsWith("|1|")) return matchesHash(pattern, name);
  const source = pattern
    .toLowerCase()
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`).test(name);
}

/** `|1|SALT|HMAC-SHA1`, as `HashKnownHosts yes` writes it. */
function matchesHash(pattern: string, name: string): boolean {
  const [, , salt, hash] = pattern.split("|");
  if (salt === undefined || hash === undefined) return false;
  const expected = Buffer.from(hash, "base64");
  const actual = createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
