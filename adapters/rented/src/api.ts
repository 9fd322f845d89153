import { text } from "node:stream/consumers";
import type { AdapterContext, Channel } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { machineScript } from "./machine-script.ts";
import type { Machine } from "./machines.ts";
import { accessOf } from "./machines.ts";
import { readReport, type MachineReport } from "./report.ts";

/** What is written on the machine with a lease. */
export interface CreateRequest {
  readonly leaseKey: string;
  /** Packed ownership. */
  readonly name: string;
  /** How long the machine is taken, unless it is given back before. */
  readonly seconds: number;
  /** Epoch milliseconds; the machine's own clock may be wrong. */
  readonly nowMs: number;
}

/** One connection to one machine, in the words of its script. */
export interface MachineApi {
  readState(wait: Wait): Promise<MachineReport>;
  readLease(leaseKey: string, wait: Wait): Promise<MachineReport>;
  /** Takes the machine, or finds what this key took before. */
  create(request: CreateRequest, wait: Wait): Promise<MachineReport>;
  /** Gives it back and, with `command`, has it end itself a second later. */
  release(
    request: { readonly leaseKey: string; readonly command?: string },
    wait: Wait,
  ): Promise<MachineReport>;
}

type Wait = { readonly signal: AbortSignal };

/** Connects, works and closes. */
export async function withMachine<T>(
  machine: Machine,
  context: AdapterContext,
  wait: Wait,
  work: (api: MachineApi) => Promise<T>,
): Promise<T> {
  const channel = await context.connect(await accessOf(machine, context), wait);
  try {
    return await work(createApi(channel, machine));
  } finally {
    await channel.close().catch(() => undefined);
  }
}

function createApi(channel: Channel, machine: Machine): MachineApi {
  const { folders, terms, host } = machine;
  const call = async (
    operation: string,
    args: readonly string[],
    { signal }: Wait,
  ): Promise<MachineReport> => {
    const argv = ["/bin/sh", "-c", machineScript, "gpujob", operation, ...args];
    const execution = channel.exec(argv, { signal });
    execution.stdin.end();
    const [output, trouble, exit] = await Promise.all([
      text(execution.stdout),
      text(execution.stderr),
      execution.exit,
    ]);
    if (exit.code !== 0) throw scriptFailed(machine.name, operation, trouble);
    return readReport(output);
  };
  return {
    readState: (wait) => call("state", folders, wait),
    readLease: (leaseKey, wait) => call("lease", [leaseKey, ...folders], wait),
    create: ({ leaseKey, name, seconds, nowMs }, wait) => {
      const unit = String(terms.billing.unitSeconds);
      const since =
        host.since === undefined ? "" : String(Math.floor(Date.parse(host.since) / 1000));
      const now = String(Math.floor(nowMs / 1000));
      return call("create", [leaseKey, name, String(seconds), unit, since, now, ...folders], wait);
    },
    release: ({ leaseKey, command }, wait) => call("release", [leaseKey, command ?? ""], wait),
  };
}

function scriptFailed(name: string, operation: string, trouble: string): PlatformError {
  const words = trouble.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
  return new PlatformError(
    "unavailable",
    `${name}: the script on the machine failed (${words || "no message"}).`,
    {
      scope: "host",
      operation,
      hint: "Check that the machine has a POSIX /bin/sh and /proc, and that its disk is not full.",
    },
  );
}
