import { isRefusal, outcomeUnknown, runScript } from "@gpujob/adapter-kit";
import type { AdapterContext } from "@gpujob/spec";
import { machineScript } from "./machine-script.ts";
import type { Machine } from "./machines.ts";
import { accessOf } from "./machines.ts";
import { readReport, type MachineReport } from "./report.ts";

/** What is asked of a machine's script; each answers with its report. */
export type MachineCall =
  | { readonly operation: "state" }
  | { readonly operation: "lease"; readonly leaseKey: string }
  /** Takes the machine, or finds what this key took before. */
  | {
      readonly operation: "create";
      readonly leaseKey: string;
      /** Packed ownership. */
      readonly name: string;
      /** How long the machine is taken, unless it is given back before. */
      readonly seconds: number;
      /** Epoch milliseconds; the machine's own clock may be wrong. */
      readonly nowMs: number;
    }
  /** Gives it back and, with `command`, has it end itself a second later. */
  | { readonly operation: "release"; readonly leaseKey: string; readonly command?: string };

/** Connects, asks and closes. */
export async function askMachine(
  machine: Machine,
  context: AdapterContext,
  call: MachineCall,
  wait: { readonly signal: AbortSignal },
): Promise<MachineReport> {
  const { name } = machine;
  const channel = await context.connect(await accessOf(machine, context), wait);
  try {
    const args = [call.operation, ...argumentsOf(call, machine)];
    const script = { name, text: machineScript, operation: call.operation, args };
    return readReport(await runScript(channel, script, wait));
  } catch (error) {
    if (call.operation !== "create" || isRefusal(error)) throw error;
    // The machine may have done what it was asked before the answer was lost.
    const { platform } = context;
    throw outcomeUnknown({ platform, operation: "createLease", name, cause: error });
  } finally {
    await channel.close().catch(() => undefined);
  }
}

function argumentsOf(call: MachineCall, machine: Machine): readonly string[] {
  const { folders, terms, host } = machine;
  switch (call.operation) {
    case "state":
      return folders;
    case "lease":
      return [call.leaseKey, ...folders];
    case "release":
      return [call.leaseKey, call.command ?? ""];
    case "create": {
      const unit = String(terms.billing.unitSeconds);
      const since = host.since === undefined ? "" : toSeconds(Date.parse(host.since));
      const { leaseKey, name, seconds, nowMs } = call;
      return [leaseKey, name, String(seconds), unit, since, toSeconds(nowMs), ...folders];
    }
  }
}

function toSeconds(ms: number): string {
  return String(Math.floor(ms / 1000));
}
