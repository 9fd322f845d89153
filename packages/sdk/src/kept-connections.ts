import type { Channel, Clock, Connect } from "@gpujob/spec";

/** Longer than between two questions about one machine, and too short for a machine to become another. */
const keptMs = 2000;

type Access = Parameters<Connect>[0];

/** Connections that were just given back, for whoever needs one to the same place next: a handshake costs the most. */
export interface KeptConnections {
  readonly connect: Connect;
  /** Hands over one that waits, for good. */
  readonly take: (access: Access) => Channel | undefined;
  /** Lets go of those that wait; later ones are closed when they are given back. */
  readonly close: () => Promise<void>;
}

interface Waiting {
  readonly channel: Channel;
  readonly taken: AbortController;
}

/** At most one waits for each way in. A connection on which anything broke, or still runs, is closed instead. */
export function keepConnections(connect: Connect, clock: Clock): KeptConnections {
  const waiting = new Map<string, Waiting>();
  let isClosed = false;

  function take(access: Access): Channel | undefined {
    const key = JSON.stringify(access);
    const found = waiting.get(key);
    waiting.delete(key);
    found?.taken.abort();
    return found?.channel;
  }

  async function giveBack(key: string, channel: Channel): Promise<void> {
    if (isClosed || waiting.has(key)) return channel.close();
    const taken = new AbortController();
    waiting.set(key, { channel, taken });
    void closeLater(key, channel, taken.signal);
  }

  async function closeLater(key: string, channel: Channel, taken: AbortSignal): Promise<void> {
    await clock.sleep(keptMs, { signal: taken }).catch(() => undefined);
    if (taken.aborted) return;
    waiting.delete(key);
    // One that broke meanwhile has nothing left to close.
    await channel.close().catch(() => undefined);
  }

  return {
    take,
    async connect(access, wait) {
      const channel = take(access) ?? (await connect(access, wait));
      return lend(channel, () => giveBack(JSON.stringify(access), channel));
    },
    async close() {
      isClosed = true;
      const left = [...waiting.values()];
      waiting.clear();
      for (const { taken } of left) taken.abort();
      await Promise.allSettled(left.map(({ channel }) => channel.close()));
    },
  };
}

/** The channel for one user, whose `close` gives it back when it is sound and at rest. */
function lend(channel: Channel, giveBack: () => Promise<void>): Channel {
  let running = 0;
  let isSound = true;
  let isOver = false;
  return {
    exec(argv, options) {
      running += 1;
      const execution = channel.exec(argv, options);
      execution.exit.then(
        () => (running -= 1),
        () => (isSound = false),
      );
      return execution;
    },
    async close() {
      if (isOver) return;
      isOver = true;
      await (isSound && running === 0 ? giveBack() : channel.close());
    },
  };
}
