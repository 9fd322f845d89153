import type { Channel } from "@gpujob/spec";
import type { ChannelOptions } from "./execution.ts";
import {
  abortedExec,
  brokenExecution,
  closedChannel,
  startExecution,
  unreachableMachine,
} from "./execution.ts";
import type { RunningExecution } from "./execution.ts";

/** How often open executions are checked against the machine's end, in milliseconds. */
const lookEveryMs = 1_000;

/**
 * A channel to a machine that is up. Its processes are started from this process, in sessions and an environment of the
 * machine's own; they belong to the machine and end with it, not with the driver.
 */
export function openMachineChannel(options: ChannelOptions): Channel {
  const open = new Set<RunningExecution>();
  let watch: NodeJS.Timeout | undefined;
  let isClosed = false;

  function look(): void {
    if (open.size === 0 || options.isUp()) return;
    for (const running of open) running.breakOff(unreachableMachine(options));
  }

  function add(running: RunningExecution): void {
    open.add(running);
    watch ??= setInterval(look, lookEveryMs).unref();
    void forgetWhenClosed(running);
  }

  async function forgetWhenClosed(running: RunningExecution): Promise<void> {
    await running.closed;
    open.delete(running);
    if (open.size > 0) return;
    clearInterval(watch);
    watch = undefined;
  }

  return {
    exec(argv, { signal }) {
      if (signal.aborted) return brokenExecution(abortedExec(options));
      if (isClosed) return brokenExecution(closedChannel(options));
      if (!options.isUp()) return brokenExecution(unreachableMachine(options));
      const running = startExecution(options, argv, signal);
      add(running);
      return running.execution;
    },
    async close() {
      isClosed = true;
      for (const running of open) running.breakOff(closedChannel(options));
      await Promise.all([...open].map(({ closed }) => closed));
    },
  };
}
