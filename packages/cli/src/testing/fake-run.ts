import type { RunEvent, SubmittedRun } from "@gpujob/sdk";
import type { RunView } from "@gpujob/spec";
import { sampleRun } from "./samples.ts";

/** A submitted run whose events and end the test decides. */
export interface FakeRun extends SubmittedRun {
  /** What was asked of the run, in order. */
  readonly asked: readonly string[];
  readonly emit: (event: RunEvent) => void;
  readonly log: (text: string, node?: number) => void;
  readonly end: (change?: Partial<RunView>) => void;
}

/** Makes a run; with `endsWhenAsked` a stop or detach also ends it. */
export function createFakeRun(options: { readonly endsWhenAsked?: boolean } = {}): FakeRun {
  const asked: string[] = [];
  const queue: RunEvent[] = [];
  let wake: () => void = () => undefined;
  let isOver = false;
  let settle: (run: RunView) => void = () => undefined;
  const result = new Promise<RunView>((resolve) => {
    settle = resolve;
  });
  async function* read(): AsyncGenerator<RunEvent> {
    for (;;) {
      const event = queue.shift();
      if (event) yield event;
      else if (isOver) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }
  const emit = (event: RunEvent): void => {
    queue.push(event);
    wake();
  };
  const end = (change: Partial<RunView> = {}): void => {
    isOver = true;
    wake();
    settle(sampleRun(change));
  };
  return {
    id: "r-k3v9x2",
    isNew: true,
    events: read(),
    result,
    asked,
    emit,
    end,
    log: (text, node = 0) =>
      emit({ type: "log", at: 0, attempt: 1, node, bytes: Buffer.from(text), offset: 0 }),
    detach: async () => {
      asked.push("detach");
      if (options.endsWhenAsked === true) {
        end({ state: "running", exitCode: null, endedAt: null, billing: "running" });
      }
    },
    stop: async ({ reason, now = false }) => {
      asked.push(`stop ${reason}${now ? " now" : ""}`);
      if (options.endsWhenAsked !== true) return;
      const message = reason === "cancelled" ? "Stopped by you." : "Stopped by SIGTERM.";
      end({
        state: "cancelled",
        exitCode: reason === "cancelled" ? 130 : 143,
        failure: { kind: reason, message },
      });
    },
  };
}
