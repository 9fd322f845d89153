import type { Gpujob } from "@gpujob/sdk";
import type { Output } from "./output.ts";
import type { Prompts } from "./prompts.ts";
import type { View } from "./render/view.ts";
import type { Screen } from "./screen.ts";
import type { Signals } from "./signals.ts";

/** All that a command gets from outside. */
export interface CommandContext {
  readonly out: Output;
  readonly err: Output;
  readonly screen: Screen;
  readonly isJson: boolean;
  /** Is there somebody at a terminal who can answer? */
  readonly canAsk: boolean;
  /** May a line change in place? */
  readonly isLive: boolean;
  readonly prompts: Prompts;
  readonly signals: Signals;
  /** Aborted by the first signal, unless a command takes the signals itself. */
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number, options: { readonly signal: AbortSignal }) => Promise<void>;
  readonly view: (output: Output) => View;
  /** Our words, on stderr. */
  readonly say: (line: string) => Promise<void>;
  /** Said on stderr, and kept for the envelope. */
  readonly warn: (line: string) => Promise<void>;
  /** Warnings so far. */
  readonly warnings: readonly string[];
  /** The library, opened at the first call and closed by the dispatcher. */
  readonly gpujob: () => Promise<Gpujob>;
  /** Leaves the process now, with what is still to be said. */
  readonly leave: (exitCode: number) => Promise<never>;
}

/** Opens the library and has runs taken over whose driver is dead, saying which. */
export async function openAdopting(context: CommandContext): Promise<Gpujob> {
  const gpujob = await context.gpujob();
  for (const { message } of await gpujob.adoptOrphans()) await context.warn(message);
  return gpujob;
}
