/** A connection that could not be made or broke, by the runtime's code. */
export interface NetworkProblem {
  readonly code: string;
  /** Is it certain that not one byte of the request arrived? */
  readonly wasNeverSent: boolean;
}

const neverSent = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

const broken = new Set([
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "UND_ERR_SOCKET",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
]);

/** Finds a network problem anywhere in an error and its causes; `undefined` when there is none. */
export function networkProblem(error: unknown): NetworkProblem | undefined {
  for (const one of causes(error)) {
    const code: unknown = Reflect.get(one, "code");
    if (typeof code !== "string") continue;
    if (neverSent.has(code)) return { code, wasNeverSent: true };
    if (broken.has(code)) return { code, wasNeverSent: false };
  }
  return undefined;
}

/** An error with its causes, outermost first; of several addresses tried, each one's. */
function causes(error: unknown, depth = 0): object[] {
  if (typeof error !== "object" || error === null || depth > 5) return [];
  const parts: unknown = Reflect.get(error, "errors");
  const inner = Array.isArray(parts) ? parts : [];
  return [
    error,
    ...causes(Reflect.get(error, "cause"), depth + 1),
    ...inner.flatMap((part: unknown) => causes(part, depth + 1)),
  ];
}
