import { createHash, createHmac } from "node:crypto";
import type { OutgoingRequest } from "@gpujob/adapter-kit";
import type { AwsKeys } from "./api.ts";

const hash = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");
const mac = (key: string | Buffer, text: string): Buffer =>
  createHmac("sha256", key).update(text, "utf8").digest();

/**
 * Signature version 4 over a request without a query — https://docs.aws.amazon.com/IAM/latest/UserGuide/
 * reference_sigv-create-signed-request.html (2026-11). The SDK signs EC2's own calls; this is for the price list.
 */
export function signRequest(
  request: OutgoingRequest,
  {
    service,
    region,
    keys,
    now,
  }: {
    readonly service: string;
    readonly region: string;
    readonly keys: AwsKeys;
    readonly now: number;
  },
): OutgoingRequest {
  const time = `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  const headers: Record<string, string> = {
    ...request.headers,
    "x-amz-date": time,
    ...(keys.sessionToken === undefined ? {} : { "x-amz-security-token": keys.sessionToken }),
  };
  const signed = Object.entries({ ...headers, host: request.url.host }).toSorted(([one], [other]) =>
    one < other ? -1 : 1,
  );
  const names = signed.map(([name]) => name).join(";");
  const lines = signed.map(([name, value]) => `${name}:${value.trim()}\n`).join("");
  const body = hash(request.body ?? "");
  const canonical = [request.method, request.url.pathname, "", lines, names, body].join("\n");
  const text = ["AWS4-HMAC-SHA256", time, scope, hash(canonical)].join("\n");
  const key = scope.split("/").reduce<string | Buffer>(mac, `AWS4${keys.secretAccessKey}`);
  const signature = mac(key, text).toString("hex");
  const authorization = `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...request, headers: { ...headers, authorization } };
}
