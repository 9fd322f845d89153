import type { Clock } from "@gpujob/spec";
import { epochMs } from "./world-time.ts";
import type { Owner, Timeline } from "./timeline.ts";

/** When, counted in calls and crash points, a process dies or is stopped. */
export interface Fate {
  readonly atStep: number;
  readonly do: "die" | "stop";
  /** With `stop`. */
  readonly forMs?: number;
  /** With `stop`: when somebody else comes, if before this one goes on. */
  readonly takeoverMs?: number;
}

/**
 * One simulated process that drives. Its code touches the world only through `call` and `clock`; so death at any of its
 * steps is a crash there: nothing reaches it any more, and nothing of it reaches the world.
 */
export interface DriverProcess extends Owner {
  readonly name: string;
  readonly clock: Clock;
  readonly steps: () => number;
  kill(): void;
  /** SIGSTOP: its clocks go on while it does nothing; answers wait for it. */
  stop(forMs: number): void;
  /** A closed lid: as `stop`, and its monotonic clock stands still. */
  suspend(forMs: number): void;
  /** One way out of the process and back; both ends are places to die or stand still. */
  call<Result>(operation: string, work: () => Result | Promise<Result>): Promise<Result>;
  /** A named place between two calls. Throws nothing: a dead process simply does not go on. */
  pass(name: string): void;
  /** Lets the process hear something, now or when it goes on; a dead one never does. */
  hear(action: () => void): void;
}

/** Starts one. `onStep` sees every step it takes. */
export function createDriverProcess(options: {
  readonly name: string;
  readonly timeline: Timeline;
  readonly fates: readonly Fate[];
  /** How far the wall clock of its computer is set wrong now. */
  readonly wallOffsetMs: () => number;
  /** Its time has come: `stop` or `die`, just now. */
  readonly onFate?: (fate: Fate) => void;
  readonly onStep?: (step: number, what: string) => void;
}): DriverProcess {
  const { name, timeline } = options;
  let isDead = false;
  let stoppedUntil = 0;
  let asleepMs = 0;
  let steps = 0;
  const fates = new Map(options.fates.map((fate) => [fate.atStep, fate]));

  const self: DriverProcess = {
    name,
    isDead: () => isDead,
    stoppedUntil: () => stoppedUntil,
    steps: () => steps,
    clock: {
      now: () => epochMs + timeline.now() + options.wallOffsetMs(),
      monotonic: () => timeline.now() - asleepMs,
      sleep: (ms, { signal }) => timeline.sleep(ms, { signal, owner: self }),
    },
    kill() {
      isDead = true;
    },
    stop(forMs) {
      stoppedUntil = Math.max(stoppedUntil, timeline.now() + forMs);
    },
    suspend(forMs) {
      const until = Math.max(stoppedUntil, timeline.now() + forMs);
      asleepMs += until - Math.max(stoppedUntil, timeline.now());
      stoppedUntil = until;
    },
    async call(operation, work) {
      step(operation);
      if (isBlocked()) await untilFree();
      try {
        const result = await work();
        step(operation);
        if (isBlocked()) await untilFree();
        return result;
      } catch (error) {
        step(operation);
        if (isBlocked()) await untilFree();
        throw error;
      }
    },
    pass: step,
    hear(action) {
      if (isDead) return;
      if (stoppedUntil <= timeline.now()) return action();
      void untilFree().then(action);
    },
  };

  function step(what: string): void {
    steps += 1;
    options.onStep?.(steps, what);
    const fate = fates.get(steps);
    if (fate === undefined || isDead) return;
    if (fate.do === "die") self.kill();
    else self.stop(fate.forMs ?? 0);
    options.onFate?.(fate);
  }

  function isBlocked(): boolean {
    return isDead || stoppedUntil > timeline.now();
  }

  /** Never settles for the dead. A new promise each time, so that nothing keeps what waits for it. */
  async function untilFree(): Promise<void> {
    while (isBlocked()) {
      if (isDead) await new Promise(() => undefined);
      await timeline.sleep(stoppedUntil - timeline.now(), { owner: self });
    }
  }

  return self;
}
