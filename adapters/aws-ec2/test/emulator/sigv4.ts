import type { TestRequest } from "@gpujob/adapter-kit/testing";
import { canonicalRequest, hmacChain, isSameSignature, sha256 } from "@gpujob/adapter-kit/testing";

/** One account's keys. */
export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of a session; then it must come with each request. */
  readonly sessionToken?: string;
}

const shape =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
const allowedSkewMs = 15 * 60_000;

/** Signature version 4, checked as AWS does. A text is the error code of the refusal. */
export function verifySigV4(
  request: TestRequest,
  keys: Keys,
  now: number,
): { readonly region: string; readonly service: string } | string {
  const authorization = request.headers.authorization;
  if (authorization === undefined) return "MissingAuthenticationToken";
  const [, id, day = "", region = "", service = "", names = "", signature = ""] =
    shape.exec(authorization) ?? [];
  if (id === undefined) return "AuthFailure";
  if (id !== keys.accessKeyId) return "AuthFailure";
  const time = String(request.headers["x-amz-date"] ?? "");
  const sentAt = Date.parse(
    time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"),
  );
  if (!(Math.abs(sentAt - now) <= allowedSkewMs) || !time.startsWith(day)) return "RequestExpired";
  if ((request.headers["x-amz-security-token"] ?? undefined) !== keys.sessionToken) {
    return "InvalidClientTokenId";
  }
  const signed = names.split(";");
  const needed = ["host", "x-amz-date"];
  if (needed.some((name) => !signed.includes(name))) return "SignatureDoesNotMatch";
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonicalRequest(request, signed))}`;
  const secret = `AWS4${keys.secretAccessKey}`;
  const expected = hmacChain(secret, day, region, service, "aws4_request", text).toString("hex");
  return isSameSignature(expected, signature) ? { region, service } : "SignatureDoesNotMatch";
}
