import type { Socket } from "node:net";

/**
 * Sends what is written in one turn of the event loop at once. ssh2 writes each packet in three parts: alone, each part
 * would be a call of the system and, as nothing waits for more, a packet on the network.
 */
export function gatherWrites(socket: Socket): void {
  const write = socket.write.bind(socket);
  let isGathering = false;
  const flush = (): void => {
    isGathering = false;
    socket.uncork();
  };
  // ssh2 gives one argument and looks at no answer; all others keep what a socket's `write` promises.
  const gather = (...given: Parameters<typeof write>): boolean => {
    if (!isGathering) {
      isGathering = true;
      socket.cork();
      // Before the event loop looks for anything else, so nothing is late by it.
      process.nextTick(flush);
    }
    return write(...given);
  };
  Object.assign(socket, { write: gather });
}
