import type { RunEvent as JournalEvent } from "@gpujob/engine";
import { toFailure } from "@gpujob/spec";
import type { PortForwarding } from "./gpujob.ts";

/** Keeps `ports:` of a job forwarded while it runs and somebody is attached. */
export interface PortKeeper {
  readonly hear: (event: JournalEvent) => void;
  readonly close: () => Promise<void>;
}

export function createPortKeeper(options: {
  readonly open: () => Promise<readonly PortForwarding[]>;
  readonly tell: (level: "info" | "warning", message: string) => void;
}): PortKeeper {
  let turn: Promise<void> = Promise.resolve();
  let open: readonly PortForwarding[] = [];
  let isClosed = false;

  async function start(): Promise<void> {
    await stop();
    if (isClosed) return;
    try {
      open = await options.open();
      for (const { localPort, remotePort } of open) {
        options.tell(
          "info",
          `Port ${remotePort} of the machine is at http://localhost:${localPort}`,
        );
      }
    } catch (error) {
      options.tell("warning", `The job's ports are not forwarded: ${toFailure(error).message}`);
    }
  }

  async function stop(): Promise<void> {
    const ended = open;
    open = [];
    await Promise.allSettled(ended.map((each) => each.close()));
  }

  return {
    hear(event) {
      if (event.type === "job-started" && event.member === 0) turn = turn.then(start);
      if (event.type === "job-exited" || event.type === "host-lost") turn = turn.then(stop);
    },
    async close() {
      isClosed = true;
      turn = turn.then(stop);
      await turn;
    },
  };
}
