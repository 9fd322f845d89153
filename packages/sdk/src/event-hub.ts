/** Hands values to any number of listeners, each at its own pace. */
export interface EventHub<Value> {
  readonly publish: (value: Value) => void;
  /** Ends every listener once it has taken what was published. */
  readonly end: () => void;
  /** Resolves once every listener has taken what was published. */
  readonly drained: () => Promise<void>;
  /** Values from now on. */
  readonly listen: () => AsyncIterableIterator<Value>;
}

export function createEventHub<Value>(): EventHub<Value> {
  const queues = new Set<Queue<Value>>();
  let isEnded = false;
  return {
    publish(value) {
      for (const queue of queues) queue.push(value);
    },
    end() {
      isEnded = true;
      for (const queue of queues) queue.end();
    },
    async drained() {
      await Promise.all([...queues].map((queue) => queue.drained()));
    },
    listen() {
      const queue = createQueue<Value>(() => queues.delete(queue));
      queues.add(queue);
      if (isEnded) queue.end();
      return queue.values();
    },
  };
}

interface Queue<Value> {
  readonly push: (value: Value) => void;
  readonly end: () => void;
  readonly drained: () => Promise<void>;
  readonly values: () => AsyncIterableIterator<Value>;
}

function createQueue<Value>(onClose: () => void): Queue<Value> {
  const waiting: Value[] = [];
  let isEnded = false;
  let wake = Promise.withResolvers<void>();
  let emptied = Promise.withResolvers<void>();
  return {
    drained: () => (waiting.length === 0 || isEnded ? Promise.resolve() : emptied.promise),
    push(value) {
      waiting.push(value);
      wake.resolve();
    },
    end() {
      isEnded = true;
      wake.resolve();
    },
    async *values() {
      try {
        for (;;) {
          while (waiting.length > 0) {
            const [next] = waiting.splice(0, 1);
            if (next !== undefined) yield next;
          }
          emptied.resolve();
          emptied = Promise.withResolvers<void>();
          if (isEnded) return;
          await wake.promise;
          wake = Promise.withResolvers<void>();
        }
      } finally {
        isEnded = true;
        emptied.resolve();
        onClose();
      }
    },
  };
}
