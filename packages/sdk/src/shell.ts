import { GpujobError } from "@gpujob/spec";
import type { RunRow } from "@gpujob/store";
import type { Reach } from "./access.ts";
import { findMachine } from "./access.ts";
import type { PortForwarding, Terminal, TerminalOptions } from "./gpujob.ts";
import type { MachineTarget } from "./machine-access.ts";

type Wait = { readonly signal: AbortSignal };

/** An interactive terminal on a machine: over our own SSH, or a plain shell where the platform has its own channel. */
export async function openTerminal(
  reach: Reach,
  row: RunRow,
  options: TerminalOptions & Wait,
): Promise<Terminal> {
  const target = await findMachine(reach, row, options.node ?? 0, options);
  const { access } = target.node;
  const { columns, rows, signal } = options;
  const terminal = options.terminal === undefined ? {} : { terminal: options.terminal };
  if (access?.kind === "ssh") {
    return reach.access
      .sshFor(target)
      .openShell(access, { columns, rows, ...terminal }, { signal });
  }
  const channel = await reach.access.openChannel(target, { signal });
  const shell = channel.exec(["/bin/sh", "-i"], { signal });
  return {
    input: shell.stdin,
    output: shell.stdout,
    errors: shell.stderr,
    exit: shell.exit,
    resize: () => undefined,
    close: () => void channel.close(),
  };
}

/** Makes ports of a machine appear on this one, at the same number where it is free. */
export async function forwardPorts(
  reach: Reach,
  row: RunRow,
  ports: readonly number[],
  options: { readonly node?: number } & Wait,
): Promise<readonly PortForwarding[]> {
  const target = await findMachine(reach, row, options.node ?? 0, options);
  return Promise.all(ports.map((port) => forwardOne(reach, target, port, options)));
}

async function forwardOne(
  reach: Reach,
  target: MachineTarget,
  port: number,
  { signal }: Wait,
): Promise<PortForwarding> {
  const { access } = target.node;
  if (access?.kind !== "ssh") {
    throw new GpujobError(
      "usage",
      `${target.platform.name} has no SSH, so port ${port} can't be forwarded.`,
      { hint: `gpujob exec runs a command there that asks the port: curl localhost:${port}` },
    );
  }
  const ssh = reach.access.sshFor(target);
  const forward = async (localPort: number): Promise<PortForwarding> => {
    const forwarding = await ssh.forwardPort(access, { localPort, remotePort: port }, { signal });
    return { remotePort: port, localPort: forwarding.localPort, close: () => forwarding.close() };
  };
  try {
    return await forward(port);
  } catch (error) {
    const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (!isTaken) throw error;
    return forward(0);
  }
}
