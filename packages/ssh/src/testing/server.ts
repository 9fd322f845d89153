import { once } from "node:events";
import { createServer, type Server as NetServer, type Socket } from "node:net";
import { spawn } from "node:child_process";
import type { AddressInfo } from "node:net";
import ssh2, { type Connection, type PublicKeyAuthContext, type ServerChannel } from "ssh2";
import { generateKeyPair } from "../keys.ts";

/** What the server of a test allows and does. */
export interface TestServerOptions {
  readonly password?: string;
  /** Only through keyboard-interactive. */
  readonly isInteractive?: boolean;
  /** Public key line that may log in. */
  readonly publicKey?: string;
  /** Sees each logged-in connection before anything else is done with it. */
  readonly onConnection?: (connection: Connection, socket: Socket) => void;
  /** Answers a command in place of running it by `sh`. */
  readonly onExec?: (channel: ServerChannel, command: string) => void;
  /** More sessions at once are refused, as OpenSSH's MaxSessions does. */
  readonly maxSessions?: number;
}

/** An SSH server in this process. */
export interface TestSshServer {
  readonly port: number;
  /** Public host key line. */
  readonly hostKey: string;
  /** Log-in attempts so far, by method. */
  readonly attempts: readonly string[];
  /** Sockets that are open. */
  readonly sockets: ReadonlySet<Socket>;
  close(): Promise<void>;
}

/** Starts a server on 127.0.0.1 that runs commands by `/bin/sh`. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestSshServer> {
  const host = await generateKeyPair();
  const attempts: string[] = [];
  const sockets = new Set<Socket>();
  const ssh = new ssh2.Server({ hostKeys: [host.privateKey] }, (connection) => {
    connection.on("error", () => undefined);
    authenticate(connection, options, attempts);
    connection.on("ready", () => serve(connection, options));
  });
  const net = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
    ssh.injectSocket(socket);
    ssh.once("connection", (connection) => options.onConnection?.(connection, socket));
  });
  return {
    port: await listen(net),
    hostKey: host.publicKey,
    attempts,
    sockets,
    close: () => closeAll(net, sockets),
  };
}

/** A peer that speaks no SSH at all, or only some. */
export async function startRawServer(
  onSocket: (socket: Socket) => void,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const net = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
    onSocket(socket);
  });
  return { port: await listen(net), close: () => closeAll(net, sockets) };
}

async function listen(net: NetServer): Promise<number> {
  net.listen(0, "127.0.0.1");
  await once(net, "listening");
  // A TCP server's address is never a text.
  return (net.address() as AddressInfo).port; // oxlint-disable-line typescript/no-unsafe-type-assertion
}

async function closeAll(net: NetServer, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => net.close(resolve));
}

function authenticate(
  connection: Connection,
  options: TestServerOptions,
  attempts: string[],
): void {
  connection.on("authentication", (context) => {
    attempts.push(context.method);
    const { password, publicKey, isInteractive } = options;
    if (context.method === "password" && isInteractive !== true && context.password === password)
      context.accept();
    else if (context.method === "keyboard-interactive" && password !== undefined) {
      context.prompt([{ prompt: "Password: ", echo: false }], (answers) =>
        answers[0] === password ? context.accept() : context.reject(),
      );
    } else if (context.method === "publickey" && isSignedBy(publicKey, context)) context.accept();
    else
      context.reject([
        "publickey",
        ...(isInteractive === true ? [] : ["password" as const]),
        "keyboard-interactive",
      ]);
  });
}

/** A question whether the key would do has no signature yet. */
function isSignedBy(publicKey: string | undefined, context: PublicKeyAuthContext): boolean {
  if (context.key.data.toString("base64") !== publicKey?.split(" ")[1]) return false;
  const { blob, signature, hashAlgo } = context;
  if (blob === undefined || signature === undefined) return true;
  const key = ssh2.utils.parseKey(publicKey ?? "");
  return !(key instanceof Error) && key.verify(blob, signature, hashAlgo);
}

function serve(connection: Connection, options: TestServerOptions): void {
  let open = 0;
  connection.on("session", (accept, reject) => {
    if (options.maxSessions !== undefined && open >= options.maxSessions) {
      reject();
      return;
    }
    open += 1;
    const session = accept();
    session.on("close", () => void (open -= 1));
    session.on("exec", (acceptExec, _reject, { command }) => {
      const channel = acceptExec();
      if (options.onExec === undefined) runCommand(channel, command);
      else options.onExec(channel, command);
    });
  });
  connection.on("tcpip", (accept, _reject, { destPort }) => {
    const channel = accept();
    channel.end(`port ${destPort}`);
  });
}

function runCommand(channel: ServerChannel, command: string): void {
  const child = spawn("/bin/sh", ["-c", command], { detached: true });
  channel.pipe(child.stdin);
  child.stdin.on("error", () => undefined);
  child.stdout.on("data", (chunk) => channel.write(chunk));
  child.stderr.on("data", (chunk) => channel.stderr.write(chunk));
  child.on("close", (code, signal) => {
    if (signal === null) channel.exit(code ?? 0);
    else channel.exit(signal.replace("SIG", ""));
    channel.end();
  });
}
