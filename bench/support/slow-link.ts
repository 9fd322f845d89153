import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { portOf } from "./port.ts";

/** A long way to a server: everything that enters at this port of the loopback arrives late. */
export interface SlowLink {
  readonly port: number;
  readonly close: () => void;
}

/**
 * Puts a long way before a server, half of the round trip in each direction and without a limit on the rate. For
 * kernels without netem. In a process of its own, so that it takes nothing from whoever measures.
 */
export async function openSlowLink(
  target: { readonly host: string; readonly port: number },
  roundTripMs: number,
): Promise<SlowLink> {
  const words = [target.host, String(target.port), String(roundTripMs / 2)];
  const child = fork(import.meta.filename, words, { stdio: ["ignore", 2, 2, "ipc"] });
  const [port] = await once(child, "message");
  return { port: Number(port), close: () => void child.kill() };
}

async function serve(host: string, port: number, delayMs: number): Promise<void> {
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host, port, noDelay: true });
    passLate(near, far, delayMs);
    passLate(far, near, delayMs);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  process.send?.(portOf(server));
  process.once("disconnect", () => process.exit());
}

function passLate(from: Socket, to: Socket, delayMs: number): void {
  const later = (action: () => void): void => void setTimeout(action, delayMs);
  from.on("data", (bytes) => later(() => void (to.writable && to.write(bytes))));
  from.on("end", () => later(() => to.end()));
  from.on("error", () => later(() => to.destroy()));
  from.on("close", () => later(() => to.destroy()));
}

if (process.argv[1] === import.meta.filename) {
  const [, , host = "", port = "", delayMs = ""] = process.argv;
  await serve(host, Number(port), Number(delayMs));
}
