import type { Channel, Execution } from "@gpujob/spec";
import { unreachable } from "./errors.ts";
import { startExecution, type StartedExecution } from "./execution.ts";
import type { SshLink } from "./link.ts";

/** How long `close` waits for the machine to take the order to end what still runs. */
const farewellMs = 2_000;

/**
 * TERM to the process groups of the given ids, KILL a second later, in the background of the machine so that nobody waits
 * for it. Ids that are no group leaders are signalled alone.
 */
const endScript = `(
  for pid do kill -s TERM -- -"$pid" || kill -s TERM "$pid"; done
  sleep 1
  for pid do kill -s KILL -- -"$pid" || kill -s KILL "$pid"; done
) >/dev/null 2>&1 </dev/null &`;

/**
 * The contract's channel over a link. SSH ends nothing on the machine when a channel closes, so what was cancelled or is
 * still open at `close` is ended there by its process group. `onClosed` may end what lies below the link.
 */
export function createChannel(
  link: SshLink,
  options: { readonly newId: () => string; readonly onClosed: () => void },
): Channel {
  const open = new Set<StartedExecution>();
  let isClosed = false;

  const start = (argv: readonly string[], signal: AbortSignal): StartedExecution => {
    const execution = startExecution(link, argv, {
      signal,
      mark: `gpujob-${options.newId()}`,
      onDropped: (pid) => void endOnMachine(pid === undefined ? [] : [pid]),
    });
    open.add(execution);
    const forget = (): void => void open.delete(execution);
    execution.exit.then(forget, forget);
    return execution;
  };

  /** Best effort: an unreachable machine ends them by itself, when their outputs break. */
  const endOnMachine = async (pids: readonly number[]): Promise<void> => {
    if (pids.length === 0 || link.isGone) return;
    const over = new AbortController();
    const argv = ["/bin/sh", "-c", endScript, "sh", ...pids.map(String)];
    const order = startExecution(link, argv, {
      signal: over.signal,
      mark: `gpujob-${options.newId()}`,
      onDropped: () => undefined,
    });
    order.stdin.end();
    order.stdout.resume();
    order.stderr.resume();
    void link.clock.sleep(farewellMs, { signal: over.signal }).then(
      () => over.abort(),
      () => undefined,
    );
    await order.exit.then(
      () => over.abort(),
      () => over.abort(),
    );
  };

  return {
    exec: (argv, { signal }): Execution => start(argv, signal),
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      const pids = [...open].flatMap((execution) => execution.pid() ?? []);
      const reason = unreachable(
        link.place,
        "the channel was closed from here",
        "closed",
        "Connect again.",
      );
      for (const execution of open) execution.drop(reason);
      await endOnMachine(pids);
      link.close();
      options.onClosed();
    },
  };
}
