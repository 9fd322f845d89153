import type { SignalName } from "../signals.ts";

/** What was done about signals so far. */
export type InterruptState = "running" | "asking" | "stopping" | "detaching";

/** What a signal does next: ask the person, stop the run, hand it over, or leave with it as it is. */
export type InterruptAction = "ask" | "stop" | "detach" | "leave";

/**
 * The rule for signals while a run is driven here. On a terminal Ctrl-C asks; a second one at the question hands the run
 * over as silence would. Without a terminal the first signal stops the run. Once a stop or hand-over is under way, one
 * more leaves at once. A closed window hands the run over.
 */
export function decideInterrupt(
  state: InterruptState,
  signal: SignalName,
  canAsk: boolean,
): InterruptAction {
  if (signal === "SIGHUP") return state === "detaching" ? "leave" : "detach";
  switch (state) {
    case "running":
      return signal === "SIGINT" && canAsk ? "ask" : "stop";
    case "asking":
      return signal === "SIGINT" ? "detach" : "stop";
    case "stopping":
    case "detaching":
      return "leave";
  }
}
