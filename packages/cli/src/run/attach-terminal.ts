import type { Gpujob } from "@gpujob/sdk";
import type { CommandContext } from "../context.ts";

const fallbackSize = { columns: 80, rows: 24 };

/** Ties this terminal to one on the machine of a run until the shell there ends; answers its exit code. */
export async function attachTerminal(
  gpujob: Gpujob,
  reference: string | undefined,
  options: { readonly ports: readonly number[]; readonly node?: number },
  context: CommandContext,
): Promise<number> {
  const { stdin, stdout } = process;
  const size = (): typeof fallbackSize =>
    stdout.isTTY ? { columns: stdout.columns, rows: stdout.rows } : fallbackSize;
  const place = options.node === undefined ? {} : { node: options.node };
  const wait = { signal: new AbortController().signal };
  const forwardings = await gpujob.forwardPorts(reference, options.ports, { ...place, ...wait });
  for (const { localPort, remotePort } of forwardings) {
    await context.say(`localhost:${localPort} is port ${remotePort} of the machine.`);
  }
  const term = context.environment["TERM"];
  const terminal = await gpujob.openTerminal(reference, {
    ...size(),
    ...place,
    ...wait,
    ...(term === undefined ? {} : { terminal: term }),
  });
  const resize = (): void => terminal.resize(size().columns, size().rows);
  // The keys go to the machine, Ctrl-C with them.
  const releaseSignals = context.signals.take(() => undefined);
  if (stdin.isTTY) stdin.setRawMode(true);
  stdout.on("resize", resize);
  stdin.pipe(terminal.input);
  terminal.output.pipe(stdout, { end: false });
  terminal.errors?.pipe(process.stderr, { end: false });
  try {
    const { code, signal } = await terminal.exit;
    return code ?? (signal === undefined ? 255 : 128 + 15);
  } finally {
    stdin.unpipe(terminal.input);
    stdin.pause();
    if (stdin.isTTY) stdin.setRawMode(false);
    stdout.off("resize", resize);
    releaseSignals();
    terminal.close();
    await Promise.allSettled(forwardings.map((each) => each.close()));
  }
}
