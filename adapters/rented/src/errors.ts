import {
  abortedError,
  classifyBy,
  isAborted,
  type ErrorTable,
  type Place,
} from "@gpujob/adapter-kit";
import { GpujobError, PlatformError, type Platform } from "@gpujob/spec";
import type { MachineReport } from "./report.ts";

/** What the script on a machine refuses with. */
export const errorTable: ErrorTable = [
  {
    code: "taken",
    kind: "no_capacity",
    scope: "offer",
    hint: "One run at a time uses a rented machine; `queue: 2h` in the job file waits for it.",
    example: "create-taken",
  },
  {
    code: "folder",
    kind: "unavailable",
    scope: "host",
    hint: "Make room in the home folder of the machine, or log in as a user who may write there.",
    example: "create-folder",
  },
];

/** Pure; see `Platform.classify`. */
export const classify: Platform["classify"] = classifyBy(errorTable);

/** The error for what a machine's script refused; `undefined`: it refused nothing. */
export function problemOf(
  { problem }: MachineReport,
  machine: string,
  { platform, operation }: Place,
): PlatformError | undefined {
  if (problem === undefined) return undefined;
  const row = errorTable.find(({ code }) => code === problem.code);
  const kind = row === undefined || row.kind === "absent" ? "contract_violation" : row.kind;
  return new PlatformError(kind, `${platform}: ${machine}: ${problem.text}.`, {
    platform,
    operation,
    platformCode: problem.code,
    ...(row === undefined ? {} : { scope: row.scope }),
    ...(row?.hint === undefined ? {} : { hint: row.hint }),
  });
}

/** Whatever was thrown on the way to a machine as this platform's error: named, and with the machine in it. */
export function machineError(error: unknown, machine: string, place: Place): PlatformError {
  const { platform } = place;
  if (isAborted(error)) return abortedError(place, error);
  if (!GpujobError.is(error)) {
    const text = error instanceof Error ? error.message : String(error);
    return new PlatformError("contract_violation", `${platform}: ${machine}: ${text}`, {
      ...place,
      scope: "host",
      cause: error,
    });
  }
  if (PlatformError.is(error) && error.failure.platform === platform) return error;
  // What the user must mend in passwords and key files comes as another kind, which the contract does not let through.
  const kind = PlatformError.is(error) ? error.kind : "unauthorized";
  const { scope } = error.failure;
  const hint = hints[kind] ?? error.failure.hint;
  return new PlatformError(kind, `${platform}: ${machine}: ${error.message}`, {
    ...error.failure,
    ...place,
    scope: scope ?? "host",
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}

/** What a rented machine's user can do about it. */
const hints: Partial<Record<PlatformError["kind"], string>> = {
  unreachable:
    "Port and address change when a machine is started anew: take the login command from the console again. If you have ended it, take it out of the configuration.",
  unauthorized:
    "Take the password from the console again: it may change when a machine is started.",
  forbidden:
    "If you have rented another machine at this address, write the time at which you did under `since`.",
};
