import { toFailure } from "@gpujob/spec";
import { setTimeout } from "node:timers/promises";
import { isatty } from "node:tty";
import type { Surroundings } from "./create-context.ts";
import { dispatch, reportFailure } from "./dispatch.ts";
import { createOutput } from "./output.ts";
import { createPrompts } from "./prompts.ts";
import { splitAtDashes } from "./read-line.ts";
import { createSignals } from "./signals.ts";

/** Runs the program on this process. `binPath` is the script that a background driver is started with. */
export async function main(binPath: string): Promise<void> {
  const out = createOutput(process.stdout);
  const err = createOutput(process.stderr);
  const surroundings: Surroundings = {
    out,
    err,
    isInputTerminal: isatty(0),
    environment: process.env,
    cwd: process.cwd(),
    signals: createSignals({
      subscribe: (name, listener) => process.on(name, listener),
      now: () => performance.now(),
    }),
    prompts: createPrompts(),
    now: Date.now,
    sleep: (ms, { signal }) => setTimeout(ms, undefined, { signal }),
    driverCommand: [process.execPath, binPath],
    openSdk: async (options) => (await import("@gpujob/sdk")).createGpujob(options),
    exit: (exitCode) => process.exit(exitCode),
  };
  process.on("uncaughtException", (error) => void failHard(error, surroundings));
  const exitCode = await dispatch(process.argv.slice(2), surroundings);
  await Promise.all([out.flush(), err.flush()]);
  // Everything is written and closed; a forgotten handle must not keep a shell waiting.
  process.exit(exitCode);
}

/** A mistake of ours that nothing caught: said like any failure, and the end of this process. */
async function failHard(error: unknown, surroundings: Surroundings): Promise<void> {
  const isJson = splitAtDashes(process.argv.slice(2)).ours.includes("--json");
  const exitCode = await reportFailure(toFailure(error), surroundings, isJson);
  process.exit(exitCode);
}
