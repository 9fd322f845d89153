import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { TestRequest } from "../test-server.ts";

/** SHA-256 in hex. */
export function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/** HMAC-SHA-256; chained over parts, each keyed by the one before. */
export function hmacChain(secret: string, ...parts: readonly string[]): Buffer {
  return parts.reduce<Buffer>(
    (key, part) => createHmac("sha256", key).update(part, "utf8").digest(),
    Buffer.from(secret, "utf8"),
  );
}

/** Are two signatures the same? */
export function isSameSignature(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** RFC 3986: everything but letters, digits and `-_.~` is escaped. */
export function rfc3986(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/**
 * The request in the form that the clouds of this family sign: method, path, sorted query, the signed headers, their
 * names, and the hash of the body, each on a line. The query is decoded and encoded anew: clients differ in what they
 * leave bare.
 */
export function canonicalRequest(request: TestRequest, signedHeaders: readonly string[]): string {
  const query = [...request.query.entries()]
    .map(([name, value]) => [rfc3986(name), rfc3986(value)] as const)
    .toSorted(([a, x], [b, y]) => (a === b ? compare(x, y) : compare(a, b)))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const headers = signedHeaders
    .map(
      (name) =>
        `${name}:${String(request.headers[name] ?? "")
          .trim()
          .replaceAll(/ +/g, " ")}\n`,
    )
    .join("");
  const names = signedHeaders.join(";");
  return [request.method, request.path, query, headers, names, sha256(request.text)].join("\n");
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
