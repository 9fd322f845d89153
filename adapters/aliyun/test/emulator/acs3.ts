import type { TestRequest } from "@gpujob/adapter-kit/testing";
import { canonicalRequest, hmacChain, isSameSignature, sha256 } from "@gpujob/adapter-kit/testing";
import { Refusal } from "./refusal.ts";

/** One account's keys. */
export interface Keys {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** Of a session; then it must come with each request. */
  readonly securityToken?: string;
}

const shape =
  /^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$/;
const allowedSkewMs = 15 * 60_000;

/**
 * Signature ACS3-HMAC-SHA256, checked as the service does — https://www.alibabacloud.com/help/en/sdk/product-overview/
 * v3-request-structure-and-signature (2026-11): every `x-acs-` header and the host are signed, the hash is that of the body
 * that came, the time is near, and a nonce counts once.
 */
export function verifyAcs3(
  request: TestRequest,
  keys: Keys,
  { now, nonces }: { readonly now: number; readonly nonces: Set<string> },
): void {
  const [, id, names = "", signature = ""] = shape.exec(request.headers.authorization ?? "") ?? [];
  if (id === undefined) throw new Refusal("IncompleteSignature", "The signature is incomplete.");
  if (id !== keys.accessKeyId) {
    throw new Refusal("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404);
  }
  const header = (name: string): string => String(request.headers[name] ?? "");
  const signed = names.split(";");
  const present = Object.keys(request.headers).filter((name) => name.startsWith("x-acs-"));
  const needed = ["host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce"];
  const isWhole = [...needed, "x-acs-content-sha256", ...present].every((name) =>
    signed.includes(name),
  );
  if (!isWhole || signed.join() !== signed.toSorted().join())
    throw new Refusal("IncompleteSignature", "Not every header that counts is signed.");
  if (header("x-acs-content-sha256") !== sha256(request.text))
    throw new Refusal("SignatureDoesNotMatch", "The body is not the one whose hash was signed.");
  checkTime(header("x-acs-date"), now);
  const token = header("x-acs-security-token");
  if (token !== (keys.securityToken ?? ""))
    throw new Refusal("InvalidSecurityToken.Malformed", "The security token is wrong.");
  const text = `ACS3-HMAC-SHA256\n${sha256(canonicalRequest(request, signed))}`;
  const expected = hmacChain(keys.accessKeySecret, text).toString("hex");
  if (!isSameSignature(expected, signature)) {
    const words = "The request signature does not conform to the standards.";
    throw new Refusal("SignatureDoesNotMatch", words);
  }
  const nonce = header("x-acs-signature-nonce");
  if (nonce.length < 16 || nonces.has(nonce))
    throw new Refusal("SignatureNonceUsed", "The nonce was used already.");
  nonces.add(nonce);
}

function checkTime(text: string, now: number): void {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text))
    throw new Refusal("IllegalTimestamp", "The time has another form.");
  if (Math.abs(Date.parse(text) - now) > allowedSkewMs)
    throw new Refusal("InvalidTimeStamp.Expired", "The time is too far off.");
}
