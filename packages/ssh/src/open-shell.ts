import type { Readable, Writable } from "node:stream";
import type { ExecExit } from "@gpujob/spec";
import type { ClientChannel, PseudoTtyOptions } from "ssh2";
import type { Path } from "./connector.ts";
import type { ChannelRequest } from "./link.ts";
import { enterShell } from "./quote-argv.ts";

/** The terminal that a shell is shown on. */
export interface ShellOptions {
  readonly columns: number;
  readonly rows: number;
  /** As in `TERM`. @default "xterm-256color" */
  readonly terminal?: string;
  /** Run in place of the log-in shell. Entered through it, so a log-in shell's start-up output is shown as it comes. */
  readonly argv?: readonly string[];
}

/** An interactive terminal. Output of both kinds comes in one stream, as a terminal shows it. */
export interface Shell {
  readonly input: Writable;
  readonly output: Readable;
  /** Rejects with `unreachable` when the connection broke first. */
  readonly exit: Promise<ExecExit>;
  readonly resize: (columns: number, rows: number) => void;
  readonly close: () => void;
}

/**
 * Opens a terminal over our own connection. Not by the system's `ssh`: that would need our key, the pinned host key and a
 * password in files or on its command line, and could not pass through jumps that log in by password.
 */
export async function openShell(
  path: Path,
  options: ShellOptions,
  wait: { readonly signal: AbortSignal },
): Promise<Shell> {
  const { columns, rows, argv } = options;
  const pty: PseudoTtyOptions = {
    cols: columns,
    rows,
    term: options.terminal ?? "xterm-256color",
    width: 0,
    height: 0,
  };
  const command = argv === undefined ? undefined : enterShell(argv);
  const ended = Promise.withResolvers<ExecExit>();
  ended.promise.then(path.close, path.close);
  const request: ChannelRequest = {
    what: "a shell",
    start: (client, done) =>
      command === undefined ? client.shell(pty, done) : client.exec(command, { pty }, done),
    onOpen: (channel) => watchEnd(path, channel, ended),
  };
  const channel = await path.link.openChannel(request, wait).catch((error: unknown): never => {
    path.close();
    throw error;
  });
  wait.signal.addEventListener("abort", path.close, { once: true });
  return {
    input: channel,
    output: channel,
    exit: ended.promise,
    resize: (newColumns, newRows) => channel.setWindow(newRows, newColumns, 0, 0),
    close: path.close,
  };
}

function watchEnd(path: Path, channel: ClientChannel, ended: PromiseWithResolvers<ExecExit>): void {
  let found: ExecExit = {};
  channel.on("error", () => undefined);
  channel.stderr.resume();
  channel.on("exit", (code: number | null, signal?: string) => {
    if (code !== null) found = { code };
    else if (signal !== undefined) found = { signal };
  });
  channel.once("close", () => {
    if (path.link.isGone) ended.reject(path.link.failure());
    else ended.resolve(found);
  });
  path.link.onGone(ended.reject);
}
