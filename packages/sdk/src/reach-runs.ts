import { join } from "node:path";
import { GpujobError } from "@gpujob/spec";
import type { RunRow } from "@gpujob/store";
import type { Reach } from "./access.ts";
import type { Gpujob } from "./gpujob.ts";
import { findRun } from "./runs.ts";
import { setUpFor } from "./workshop-of-run.ts";
import type { Workshop } from "./workshop.ts";

/** Calls that reach the machines of a run. */
export function createReach(
  workshop: Workshop,
): Pick<Gpujob, "shellCommand" | "openTerminal" | "forwardPorts" | "exec" | "push" | "pull"> {
  const { around } = workshop;
  const find = async (reference: string | undefined): Promise<RunRow> =>
    findRun(await workshop.store(), reference);
  const reach = async (row: RunRow): Promise<Reach> => ({
    store: await workshop.store(),
    platforms: (await setUpFor(workshop, row)).platforms,
    access: await workshop.access(),
    around,
  });

  return {
    async shellCommand(reference, { node, forward }) {
      const row = await find(reference);
      const signal = new AbortController().signal;
      const { findMachine } = await import("./on-demand.ts");
      const target = await findMachine(await reach(row), row, node ?? 0, { signal });
      const { access } = target.node;
      if (access?.kind !== "ssh") {
        throw new GpujobError(
          "usage",
          `${target.platform.name} has no SSH: its machines are reached by gpujob exec.`,
          {
            hint: `gpujob exec ${row.runId} -- sh -c 'ls'`,
          },
        );
      }
      const { toSshCommand } = await import("./on-demand.ts");
      const [program = "ssh", ...words] = toSshCommand(access);
      const key = access.auth.kind === "our-key" ? ["-i", join(around.home, "id_ed25519")] : [];
      const forwards = (forward ?? []).flatMap((port) => ["-L", `${port}:127.0.0.1:${port}`]);
      return { argv: [program, ...key, ...forwards, ...words], environment: {} };
    },
    async openTerminal(reference, terminalOptions) {
      const row = await find(reference);
      const { openTerminal } = await import("./on-demand.ts");
      return openTerminal(await reach(row), row, terminalOptions);
    },
    async forwardPorts(reference, ports, forwardOptions) {
      const row = await find(reference);
      const { forwardPorts } = await import("./on-demand.ts");
      return forwardPorts(await reach(row), row, ports, forwardOptions);
    },
    async exec(reference, argv, execOptions) {
      const row = await find(reference);
      const { execOnRun } = await import("./on-demand.ts");
      return execOnRun(await reach(row), row, argv, execOptions);
    },
    async push(reference, source, target, pushOptions) {
      const row = await find(reference);
      const { pushToRun } = await import("./on-demand.ts");
      return pushToRun(await reach(row), row, source, target, pushOptions);
    },
    async pull(reference, source, target, pullOptions) {
      const row = await find(reference);
      const { pullFromRun } = await import("./on-demand.ts");
      return pullFromRun(await reach(row), row, source, target, pullOptions);
    },
  };
}
