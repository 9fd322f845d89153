import type { ErrorTable } from "@gpujob/adapter-kit";

const keys = "Check publicKey and privateKey, or make new ones on the API page of the console.";
const rights =
  "Give the key's account the right to this call, or set projectId to a project that it may use.";
const pay = "Pay what is owed in the Compshare console.";

/**
 * Compshare's own codes — https://www.compshare.cn/docs (2026-06) — and those that all of UCloud's APIs share —
 * https://docs.ucloud.cn/api/summary/public (2026-07).
 */
export const compshareErrors: ErrorTable = [
  { code: 226604, kind: "no_capacity", scope: "offer", example: "sold-out" },
  {
    code: 226603,
    kind: "unsupported_request",
    scope: "offer",
    hint: "Choose another image: this one does not run on the card.",
    example: "wrong-image",
  },
  { code: 226601, kind: "insufficient_funds", scope: "account", hint: pay, example: "arrears" },
  { code: 226602, kind: "insufficient_funds", scope: "account", hint: pay, example: "expired" },
  {
    code: 226606,
    kind: "not_verified",
    scope: "account",
    hint: "Complete real-name verification in the Compshare console.",
    example: "real-name",
  },
  { code: 226605, kind: "unavailable", scope: "call", example: "image-task" },
  { code: 8433, kind: "unavailable", scope: "platform", example: "service-error" },
  { code: 110, kind: "unavailable", scope: "platform", example: "timeout" },
  { code: 130, kind: "unavailable", scope: "platform", example: "gateway" },
  { code: 150, kind: "unavailable", scope: "platform", example: "down" },
  { code: 153, kind: "rate_limited", scope: "account", example: "rate" },
  { code: 161, kind: "unsupported_request", scope: "platform", example: "no-action" },
  { code: 170, kind: "unauthorized", scope: "account", hint: keys, example: "unsigned" },
  { code: 171, kind: "unauthorized", scope: "account", hint: keys, example: "bad-signature" },
  { code: 172, kind: "unauthorized", scope: "account", hint: keys, example: "no-user" },
  { code: 174, kind: "unauthorized", scope: "account", hint: keys, example: "no-token" },
  { code: 292, kind: "forbidden", scope: "account", hint: rights, example: "no-project" },
  { code: 293, kind: "forbidden", scope: "zone", hint: rights, example: "no-zone-right" },
  {
    code: 294,
    kind: "forbidden",
    scope: "account",
    hint: "Add this computer's address to the addresses that the key allows.",
    example: "wrong-address",
  },
  { code: 299, kind: "forbidden", scope: "account", hint: rights, example: "no-right" },
  // Without a code that is documented.
  {
    text: /InstanceOperationInProgress/,
    kind: "unavailable",
    scope: "call",
    example: "in-progress",
  },
  {
    text: /余额不足|insufficient balance/i,
    kind: "insufficient_funds",
    scope: "account",
    hint: pay,
    example: "low-balance",
  },
  { text: /配额|quota/i, kind: "quota_exceeded", scope: "account", example: "quota" },
  {
    text: /Params? \[.*\] (?:not available|missing)/i,
    kind: "unsupported_request",
    scope: "offer",
    example: "wrong-parameter",
  },
];
