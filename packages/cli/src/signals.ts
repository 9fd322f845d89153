/** The signals that a person or a supervisor sends to end us. */
export type SignalName = "SIGINT" | "SIGTERM" | "SIGHUP";

const signalNames = ["SIGINT", "SIGTERM", "SIGHUP"] as const satisfies SignalName[];

/** Exit code of a program that a signal ended. */
export const signalExitCodes = {
  SIGINT: 130,
  SIGTERM: 143,
  SIGHUP: 129,
} as const satisfies Record<SignalName, number>;

/** Who handles signals now: the one who took them last. */
export interface Signals {
  /** Takes over until the returned function is called. */
  take(handler: (name: SignalName) => void): () => void;
}

/**
 * Hands signals to the newest taker. The same signal again within `sameMs` is one signal: a terminal and a launcher such
 * as `npx` both deliver a single Ctrl-C.
 */
export function createSignals(options: {
  readonly subscribe: (name: SignalName, listener: () => void) => void;
  readonly now: () => number;
  readonly sameMs?: number;
}): Signals {
  const handlers: ((name: SignalName) => void)[] = [];
  const last = new Map<SignalName, number>();
  for (const name of signalNames) {
    options.subscribe(name, () => {
      const now = options.now();
      const before = last.get(name);
      last.set(name, now);
      if (before !== undefined && now - before < (options.sameMs ?? 150)) return;
      handlers.at(-1)?.(name);
    });
  }
  return {
    take: (handler) => {
      handlers.push(handler);
      return () => {
        const index = handlers.indexOf(handler);
        if (index !== -1) handlers.splice(index, 1);
      };
    },
  };
}
