import { PlatformError } from "@gpujob/spec";

/** Errors that Node reports for a socket, as `error.code`. */
function readCode(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}

/** `client-authentication` and the like, as ssh2 marks its errors. */
function readLevel(error: unknown): string {
  return typeof error === "object" && error !== null && "level" in error ? String(error.level) : "";
}

interface Row {
  readonly matches: (error: unknown, text: string) => boolean;
  readonly make: (place: string, error: unknown, text: string) => PlatformError;
}

const hints = {
  address: "Check the address and port, and that the machine is on.",
  network: "Check the network between here and the machine, and its firewall.",
} as const;

/** First match wins; by code first, then by text. */
const rows: readonly Row[] = [
  {
    matches: (error) => ["ENOTFOUND", "EAI_AGAIN", "EAI_NODATA"].includes(readCode(error)),
    make: (place, cause) =>
      unreachable(place, "the host name is unknown", "host-unknown", hints.address, cause),
  },
  {
    matches: (error) => readCode(error) === "ECONNREFUSED",
    make: (place, cause) =>
      unreachable(
        place,
        "nothing listens there (connection refused)",
        "refused",
        hints.address,
        cause,
      ),
  },
  {
    matches: (error) =>
      ["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN"].includes(readCode(error)),
    make: (place, cause) =>
      unreachable(place, "no answer from the network", "timeout", hints.network, cause),
  },
  {
    matches: (error) => readLevel(error) === "client-authentication",
    make: (place, cause) => authRejected(place, cause),
  },
  {
    matches: (_error, text) => /no matching .* (algorithm|format|cipher|mac)/i.test(text),
    make: (place, cause, text) =>
      new PlatformError(
        "unsupported_request",
        `${place}: the server and we share no method (${text}).`,
        {
          scope: "host",
          platformCode: "no-common-algorithm",
          hint: "Update the machine's SSH server.",
          cause,
        },
      ),
  },
];

/** Any error of the connection to `place` (`user@host:port`) as ours. */
export function connectionError(place: string, error: unknown): PlatformError {
  if (PlatformError.is(error)) return error;
  const text = error instanceof Error ? error.message : String(error);
  const row = rows.find(({ matches }) => matches(error, text));
  return (
    row?.make(place, error, text) ??
    unreachable(place, `the connection broke (${text})`, "lost", hints.network, error)
  );
}

/** The link to `place` is gone or never came to be. */
export function unreachable(
  place: string,
  why: string,
  code: string,
  hint: string,
  cause?: unknown,
): PlatformError {
  return new PlatformError("unreachable", `${place}: ${why}.`, {
    scope: "host",
    platformCode: code,
    hint,
    cause,
  });
}

/** No answer to `what` within its deadline. */
export function timedOut(place: string, what: string, ms: number): PlatformError {
  return unreachable(place, `no answer to ${what} within ${ms / 1000} s`, "timeout", hints.network);
}

/** The server took none of our credentials. `tried` names them, never their content. */
export function authRejected(
  place: string,
  cause?: unknown,
  tried: readonly string[] = [],
): PlatformError {
  const list = tried.length === 0 ? "" : ` (tried: ${tried.join(", ")})`;
  return new PlatformError("unauthorized", `${place}: the log-in was rejected${list}.`, {
    scope: "host",
    platformCode: "auth-rejected",
    hint: "Check user, key and password; `ssh -v` to the same address shows what the server accepts.",
    cause,
  });
}

/** The wait was ended by whoever asked. */
export function aborted(what: string, signal: AbortSignal): PlatformError {
  return new PlatformError("aborted", `${what} was cancelled.`, { cause: signal.reason });
}
