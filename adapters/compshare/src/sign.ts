import type { OutgoingRequest } from "@gpujob/adapter-kit";
import type { Secret } from "@gpujob/spec";
import { createHash } from "node:crypto";

/** The two halves of an API key. */
export type CompshareKeys = { readonly publicKey: Secret; readonly privateKey: Secret };

/**
 * Adds the public key and the signature to the form of a request: all parameters sorted by name, names and values run
 * together, the private key behind them, SHA-1 in hex — https://www.compshare.cn/docs (2026-06)
 */
export function signRequest(request: OutgoingRequest, keys: CompshareKeys): OutgoingRequest {
  const form = new URLSearchParams(request.body ?? "");
  form.set("PublicKey", keys.publicKey.reveal());
  const names = [...form.keys()].toSorted((one, other) => Buffer.compare(bytes(one), bytes(other)));
  const text = names.map((name) => `${name}${form.get(name) ?? ""}`).join("");
  const digest = createHash("sha1").update(text + keys.privateKey.reveal(), "utf8");
  form.set("Signature", digest.digest("hex"));
  return { ...request, body: form.toString() };
}

function bytes(text: string): Buffer {
  return Buffer.from(text, "utf8");
}
