import type { Gpujob, SubmittedRun } from "@gpujob/sdk";
import type { RunView } from "@gpujob/spec";
import type { CommandContext } from "../context.ts";
import { failureEnvelope } from "../envelope.ts";
import { isPromptExit } from "../prompts.ts";
import { signalExitCodes } from "../signals.ts";
import type { SignalName } from "../signals.ts";
import type { InterruptAction, InterruptState } from "./interrupt.ts";
import { decideInterrupt } from "./interrupt.ts";
import { openLogWriter } from "./open-log-writer.ts";
import { showEvent } from "./show-event.ts";

/** How following ended: with the run, or with the run handed over to a background driver. */
export interface Followed {
  readonly run: RunView;
  readonly isDetached: boolean;
}

/** Shows a run driven by this process until it is settled or handed over, and does what signals ask for. */
export async function followRun(
  run: SubmittedRun,
  gpujob: Gpujob,
  context: CommandContext,
): Promise<Followed> {
  const interrupts = handleInterrupts(run, context);
  await context.say(`Run ${run.id}.`);
  const showing = showEvents(run, gpujob, context);
  try {
    const [result] = await Promise.all([run.result, showing]);
    return { run: result, isDetached: interrupts.isDetached() };
  } finally {
    interrupts.stop();
    await context.screen.live(undefined);
  }
}

async function showEvents(
  run: SubmittedRun,
  gpujob: Gpujob,
  context: CommandContext,
): Promise<void> {
  const log = await openLogWriter(context, async () => {
    const { attempts } = await gpujob.showRun(run.id);
    return (attempts.at(-1)?.leases.length ?? 1) > 1;
  });
  for await (const event of run.events) await showEvent(event, context, log);
  await log.end();
}

function handleInterrupts(
  run: SubmittedRun,
  context: CommandContext,
): { readonly stop: () => void; readonly isDetached: () => boolean } {
  let state: InterruptState = "running";
  const act = async (action: InterruptAction, signal: SignalName): Promise<void> => {
    switch (action) {
      case "ask":
        state = "asking";
        return answer(await askWhatNow(run, context));
      case "stop":
        state = "stopping";
        await context.say(
          `Stopping run ${run.id}: saving, fetching, releasing. Again to leave at once.`,
        );
        return run.stop({ reason: signal === "SIGTERM" ? "terminated" : "cancelled" });
      case "detach":
        state = "detaching";
        return run.detach();
      case "leave":
        return leaveAtOnce(run, signal, context);
    }
  };
  const answer = async (choice: "detach" | "stop" | "go-on"): Promise<void> => {
    // A signal may have decided while the question was open.
    if (state !== "asking") return;
    if (choice === "go-on") state = "running";
    else await act(choice, "SIGINT");
  };
  const stop = context.signals.take((signal) => {
    act(decideInterrupt(state, signal, context.canAsk), signal).catch(async (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      await context.warn(`That did not work: ${message}`);
      state = "running";
    });
  });
  return { stop, isDetached: () => state === "detaching" };
}

async function askWhatNow(
  run: SubmittedRun,
  context: CommandContext,
): Promise<"detach" | "stop" | "go-on"> {
  await context.screen.hold();
  try {
    return await context.prompts.choose(
      `Run ${run.id} goes on. What now? (detaches in 10 s)`,
      [
        { value: "detach" as const, name: "detach: it goes on without this window" },
        { value: "stop" as const, name: "stop it: save, fetch the outputs, release the machine" },
        { value: "go-on" as const, name: "go on watching" },
      ],
      { timeoutMs: 10_000, fallback: "detach" as const },
    );
  } catch (error) {
    if (isPromptExit(error)) return "detach";
    throw error;
  } finally {
    await context.screen.release();
  }
}

async function leaveAtOnce(
  run: SubmittedRun,
  signal: SignalName,
  context: CommandContext,
): Promise<never> {
  const exitCode = signalExitCodes[signal];
  const message = `Left run ${run.id} as it is: its machine may still be running and billing.`;
  const hint = `gpujob stop ${run.id} --now ends it; gpujob audit shows what bills.`;
  const kind = signal === "SIGTERM" ? "terminated" : "cancelled";
  await context.screen.live(undefined);
  if (context.isJson) {
    const failure = { kind, message, hint } as const;
    const envelope = failureEnvelope(failure, exitCode, context.warnings, { id: run.id });
    await context.out.write(`${JSON.stringify(envelope)}\n`);
  } else await context.screen.say([message, `  ${hint}`]);
  return context.leave(exitCode);
}
