import {
  abortedError,
  classifyBy,
  isAborted,
  type ErrorTable,
  type Place,
} from "@gpujob/adapter-kit";
import { GpujobError, PlatformError, type Platform } from "@gpujob/spec";
import type { Host } from "./hosts.ts";
import type { HostReport } from "./report.ts";

/** What the script on a host refuses with. */
export const errorTable: ErrorTable = [
  {
    code: "taken",
    kind: "no_capacity",
    scope: "offer",
    hint: "`gpujob offers` shows who holds the cards; `queue: 2h` in the job file waits for them.",
    example: "create-taken",
  },
  {
    code: "owner",
    kind: "forbidden",
    scope: "call",
    hint: "Only the Unix user who reserved the cards, or root, may give them back.",
    example: "release-owner",
  },
  {
    code: "folder",
    kind: "unavailable",
    scope: "host",
    hint: "Make the folder with mode 1777, or name another one under `reservations`.",
    example: "create-folder",
  },
];

/** Pure; see `Platform.classify`. */
export const classify: Platform["classify"] = classifyBy(errorTable);

/** The error for what a host's script refused; `undefined`: it refused nothing. */
export function problemOf(
  report: HostReport,
  host: string,
  { platform, operation }: Place,
): PlatformError | undefined {
  const { problem } = report;
  if (problem === undefined) return undefined;
  const row = errorTable.find(({ code }) => code === problem.code);
  const kind = row === undefined || row.kind === "absent" ? "contract_violation" : row.kind;
  return new PlatformError(kind, `${platform}: ${host}: ${problem.text}.`, {
    platform,
    operation,
    platformCode: problem.code,
    ...(row === undefined ? {} : { scope: row.scope }),
    ...(row?.hint === undefined ? {} : { hint: row.hint }),
  });
}

/** A host that said nothing in the time there was. */
export function lateHost({ name, config }: Host, timeoutMs: number, place: Place): PlatformError {
  const { user, host, port } = config.ssh;
  const address = `${user === undefined ? "" : `${user}@`}${host}`;
  const words = port === undefined || port === 22 ? address : `-p ${port} ${address}`;
  const message = `${place.platform}: ${name}: it did not answer within ${timeoutMs / 1000} s.`;
  return new PlatformError("unreachable", message, {
    ...place,
    scope: "host",
    hint: `See whether \`ssh ${words}\` answers; a host that is only slow gets more time with \`timeouts: { offers: 10s }\`.`,
  });
}

/** Whatever was thrown on the way to a host as this platform's error: named, and with the host in it. */
export function hostError(error: unknown, host: string, place: Place): PlatformError {
  const { platform } = place;
  if (isAborted(error)) return abortedError(place, error);
  if (!GpujobError.is(error)) {
    const text = error instanceof Error ? error.message : String(error);
    return new PlatformError("contract_violation", `${platform}: ${host}: ${text}`, {
      ...place,
      scope: "host",
      cause: error,
    });
  }
  if (PlatformError.is(error) && error.failure.platform === platform) return error;
  // What the user must mend in key files and the like comes as another kind, which the contract does not let through.
  const kind = PlatformError.is(error) ? error.kind : "unauthorized";
  const { kind: _kind, message, scope = "host", ...details } = error.failure;
  return new PlatformError(kind, `${platform}: ${host}: ${message}`, {
    ...details,
    ...place,
    scope,
    cause: error,
  });
}
