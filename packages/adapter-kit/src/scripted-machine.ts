import { text } from "node:stream/consumers";
import type { Channel } from "@gpujob/spec";
import { GpujobError, PlatformError } from "@gpujob/spec";
import type { Place } from "./abort.ts";
import { abortedError, isAborted } from "./abort.ts";
import type { ErrorTable } from "./error-table.ts";
import { omitUndefined } from "./omit-undefined.ts";
import { refuse } from "./refusal.ts";

/** A shell script for a machine that has no API but its own shell. */
export interface MachineScript {
  /** Of the machine, for messages. */
  readonly name: string;
  readonly text: string;
  readonly operation: string;
  readonly args: readonly string[];
}

/** Runs a script by `/bin/sh` and gives what it wrote. Throws `unavailable` with its last words when it fails. */
export async function runScript(
  channel: Channel,
  script: MachineScript,
  { signal }: { readonly signal: AbortSignal },
): Promise<string> {
  const { name, operation, args } = script;
  const execution = channel.exec(["/bin/sh", "-c", script.text, "gpujob", ...args], { signal });
  execution.stdin.end();
  const [output, trouble, exit] = await Promise.all([
    text(execution.stdout),
    text(execution.stderr),
    execution.exit,
  ]);
  if (exit.code === 0) return output;
  const words = trouble.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
  const message = `${name}: the script on the machine failed (${words || "no message"}).`;
  const hint =
    "Check that the machine has a POSIX /bin/sh and /proc, and that its disk is not full.";
  throw new PlatformError("unavailable", message, { scope: "host", operation, hint });
}

/** The error for what a machine's script refused with a code of the table; a code that is not in it breaks the contract. */
export function scriptRefusal(
  table: ErrorTable,
  problem: { readonly code: string; readonly text: string },
  machine: string,
  place: Place,
): PlatformError {
  const row = table.find(({ code }) => code === problem.code);
  const kind = row === undefined || row.kind === "absent" ? "contract_violation" : row.kind;
  const details = { ...place, platformCode: problem.code, scope: row?.scope, hint: row?.hint };
  const message = `${place.platform}: ${machine}: ${problem.text}.`;
  return new PlatformError(kind, message, omitUndefined(details));
}

/**
 * Whatever was thrown on the way to a machine as this platform's error, with the machine named in it. `hints` say by kind
 * what its user can do, instead of what the error itself says.
 */
export function machineError(
  error: unknown,
  machine: string,
  place: Place,
  hints: Partial<Record<PlatformError["kind"], string>> = {},
): PlatformError {
  const { platform } = place;
  if (isAborted(error)) return abortedError(place, error);
  if (PlatformError.is(error) && error.failure.platform === platform) return error;
  const words = error instanceof Error ? error.message : String(error);
  const message = words.startsWith(`${machine}: `) ? words : `${machine}: ${words}`;
  const failure = GpujobError.is(error) ? error.failure : undefined;
  // What the user must mend in passwords and key files comes as another kind, which the contract does not let through.
  const mendable = failure === undefined ? "contract_violation" : "unauthorized";
  const kind = PlatformError.is(error) ? error.kind : mendable;
  const scope = failure?.scope ?? "host";
  const details = { ...failure, ...place, scope, hint: hints[kind] ?? failure?.hint, cause: error };
  return new PlatformError(kind, `${platform}: ${message}`, omitUndefined(details));
}

/** The machine and key in a lease id `NAME-KEY`; `undefined` for an id that was never ours. */
export function findLeasedMachine<Machine extends { readonly name: string }>(
  leaseId: string,
  machines: readonly Machine[],
  place: Place,
): { readonly machine: Machine; readonly leaseKey: string } | undefined {
  const [, name, leaseKey] = /^(.+)-([a-z0-9]{32})$/.exec(leaseId) ?? [];
  if (name === undefined || leaseKey === undefined) return undefined;
  const machine = machines.find((one) => one.name === name);
  if (machine !== undefined) return { machine, leaseKey };
  throw refuse(place, {
    kind: "unreachable",
    scope: "host",
    what: `the machine ${name} of lease ${leaseId} is no longer in the configuration`,
    hint: `Add it again, or vouch for its end with \`gpujob audit --ended ${leaseId}\`.`,
  });
}
