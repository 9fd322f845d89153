import { createServer, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { GpujobError } from "@gpujob/spec";
import type { Path } from "./connector.ts";

/** Which port of the machine appears where. */
export interface PortForward {
  /** On 127.0.0.1 of this machine; 0: any free one. */
  readonly localPort: number;
  readonly remotePort: number;
  /** As the machine sees it. @default "127.0.0.1" */
  readonly remoteHost?: string;
}

/** A forwarded port. */
export interface Forwarding {
  readonly localPort: number;
  /** Settles, never rejects, when the connection to the machine has ended. */
  readonly ended: Promise<unknown>;
  close(): Promise<void>;
}

/** Listens here and carries every connection there. A connection that the machine refuses is closed, and the rest goes on. */
export async function forwardPort(
  path: Path,
  forward: PortForward,
  log: (message: string) => void,
): Promise<Forwarding> {
  const { localPort, remotePort, remoteHost = "127.0.0.1" } = forward;
  const over = new AbortController();
  const sockets = new Set<Socket>();
  const carry = async (socket: Socket): Promise<void> => {
    const channel = await path.link.openChannel(
      {
        what: `a connection to port ${remotePort}`,
        start: (client, done) =>
          client.forwardOut("127.0.0.1", socket.remotePort ?? 0, remoteHost, remotePort, done),
      },
      { signal: over.signal },
    );
    await Promise.all([pipeline(socket, channel), pipeline(channel, socket)]);
  };
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
    carry(socket).catch((error: unknown) => {
      if (!over.signal.aborted)
        log(
          `a connection to port ${remotePort} ended: ${error instanceof Error ? error.message : String(error)}`,
        );
      socket.destroy();
    });
  });
  const close = async (): Promise<void> => {
    over.abort();
    for (const socket of sockets) socket.destroy();
    const closed = new Promise((resolve) => server.close(resolve));
    path.close();
    await closed;
  };
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(portTaken(localPort, error)));
    server.listen(localPort, "127.0.0.1", resolve);
  }).catch((error: unknown): never => {
    path.close();
    throw error;
  });
  void path.link.gone.then(close);
  const address = server.address();
  return {
    localPort: typeof address === "object" && address !== null ? address.port : localPort,
    ended: path.link.gone,
    close,
  };
}

function portTaken(port: number, cause: Error): GpujobError {
  return new GpujobError(
    "usage",
    `Port ${port} of this machine cannot be listened on: ${cause.message}.`,
    { hint: "Name another one, or stop what uses it.", cause },
  );
}
