import type { ErrorTable } from "@gpujob/adapter-kit";

const topUp = "Top the account up in the AutoDL console.";
const verify = "Complete real-name verification in the AutoDL console.";

/** By code and words first, because the platform uses one code for many things. Codes and words seen 2026-07 to 09. */
export const autodlErrors: ErrorTable = [
  {
    code: "InternalError",
    text: /暂无库存/,
    kind: "no_capacity",
    scope: "offer",
    example: "sold-out",
  },
  {
    code: "TORealName",
    kind: "not_verified",
    scope: "account",
    hint: verify,
    example: "real-name",
  },
  {
    code: "BadRequest",
    text: /无当前资源访问权限/,
    kind: "not_verified",
    scope: "account",
    hint: "Elastic Deployment needs an enterprise account; `product: pro` works with any verified one.",
    example: "enterprise-only",
  },
  {
    code: "RequestParameterIsWrong",
    kind: "unsupported_request",
    scope: "offer",
    example: "wrong-parameter",
  },
  { code: "RecordNotFoundError", kind: "absent", scope: "call", example: "not-found" },
  // Without a code of their own: the words are what other users reported or what the console shows.
  {
    text: /余额|欠费|insufficient balance/i,
    kind: "insufficient_funds",
    scope: "account",
    hint: topUp,
    example: "low-balance",
  },
  {
    text: /库存|无可用|资源不足|售罄/,
    kind: "no_capacity",
    scope: "offer",
    example: "no-resources",
  },
  {
    text: /实名/,
    kind: "not_verified",
    scope: "account",
    hint: verify,
    example: "real-name-words",
  },
  {
    text: /token.{0,20}(?:invalid|expired|无效|过期|错误)|(?:invalid|无效).{0,20}token|unauthori[sz]ed/i,
    kind: "unauthorized",
    scope: "account",
    hint: "Make a new developer token in the AutoDL console, and set it under `token`.",
    example: "bad-token",
  },
];
