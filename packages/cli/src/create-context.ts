import type { Gpujob, GpujobOptions } from "@gpujob/sdk";
import type { CommandContext } from "./context.ts";
import type { Output } from "./output.ts";
import type { Prompts } from "./prompts.ts";
import { wrap } from "./render/text.ts";
import { paint } from "./render/style.ts";
import type { View } from "./render/view.ts";
import { createScreen } from "./screen.ts";
import type { SignalName, Signals } from "./signals.ts";
import { signalExitCodes } from "./signals.ts";

/** The process around a command line; tests put in their own. */
export interface Surroundings {
  readonly out: Output;
  readonly err: Output;
  readonly isInputTerminal: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly signals: Signals;
  readonly prompts: Prompts;
  readonly now: () => number;
  readonly sleep: (ms: number, options: { readonly signal: AbortSignal }) => Promise<void>;
  /** The command that starts a background driver, without `drive RUN`. */
  readonly driverCommand: readonly string[];
  readonly openSdk: (options: GpujobOptions) => Promise<Gpujob>;
  /** Ends the process. */
  readonly exit: (exitCode: number) => never;
}

/** How something is shown on an output. */
export function viewOf(output: Output, from: Surroundings, isPlain: boolean): View {
  const { NO_COLOR, FORCE_COLOR, TERM } = from.environment;
  const isForced = FORCE_COLOR !== undefined && FORCE_COLOR !== "" && FORCE_COLOR !== "0";
  const isOff = isPlain || (NO_COLOR !== undefined && NO_COLOR !== "") || TERM === "dumb";
  return {
    columns: output.columns(),
    colour: !isOff && (output.isTerminal || isForced),
    now: from.now(),
  };
}

/** Makes the context of one command. `interrupted` says which signal ended it, if one did. */
export function createContext(
  flags: Readonly<Record<string, unknown>>,
  from: Surroundings,
): {
  readonly context: CommandContext;
  readonly interrupted: () => SignalName | undefined;
  readonly close: () => Promise<void>;
} {
  const { out, err, environment } = from;
  const isJson = flags["json"] === true;
  const isLive =
    err.isTerminal && (environment["CI"] ?? "") === "" && environment["TERM"] !== "dumb";
  const canAsk = from.isInputTerminal && err.isTerminal;
  const screen = createScreen({
    logTo: isJson ? err : out,
    sayTo: err,
    startLive: isLive
      ? async () => (await import("log-update")).createLogUpdate(process.stderr)
      : undefined,
  });
  const warnings: string[] = [];
  const view = (output: Output): View => viewOf(output, from, flags["no-color"] === true);
  const say = async (line: string): Promise<void> => {
    const shown = view(err);
    await screen.say(line.split("\n").flatMap((part) => wrap(part, shown.columns, "  ")));
  };
  const interruption = watchSignals(from, say);
  let opened: Promise<Gpujob> | undefined;
  const open = (): Promise<Gpujob> =>
    from.openSdk({
      environment,
      cwd: from.cwd,
      driverCommand: from.driverCommand,
      ...(typeof flags["config"] === "string" ? { configFile: flags["config"] } : {}),
      ...(canAsk ? askers(from.prompts, screen) : {}),
    });
  const context: CommandContext = {
    out,
    err,
    screen,
    isJson,
    canAsk,
    isLive,
    prompts: from.prompts,
    signals: from.signals,
    signal: interruption.signal,
    environment,
    cwd: from.cwd,
    now: from.now,
    sleep: from.sleep,
    view,
    say,
    warn: async (line) => {
      warnings.push(line);
      await say(paint(line, "warn", view(err)));
    },
    warnings,
    gpujob: () => (opened ??= open()),
    leave: async (exitCode) => {
      await Promise.all([out.flush(), err.flush()]);
      return from.exit(exitCode);
    },
  };
  const close = async (): Promise<void> => {
    interruption.stop();
    await screen.live(undefined);
    const gpujob = await opened?.catch(() => undefined);
    await gpujob?.close();
  };
  return { context, interrupted: interruption.name, close };
}

/** The first signal ends what the command waits for, the second one the process. */
function watchSignals(
  from: Surroundings,
  say: (line: string) => Promise<void>,
): {
  readonly signal: AbortSignal;
  readonly name: () => SignalName | undefined;
  readonly stop: () => void;
} {
  const controller = new AbortController();
  const ended = new AbortController();
  let first: SignalName | undefined;
  const release = from.signals.take((name) => {
    if (first !== undefined) from.exit(signalExitCodes[name]);
    first = name;
    controller.abort(new DOMException(`Ended by ${name}`, "AbortError"));
    // Only what takes a while is worth a word.
    void from.sleep(1000, { signal: ended.signal }).then(
      () => say("Ending. Again to leave at once."),
      () => undefined,
    );
  });
  const stop = (): void => {
    release();
    ended.abort();
  };
  return { signal: controller.signal, name: () => first, stop };
}

/** Questions that the library may have, asked on the terminal. */
function askers(
  prompts: Prompts,
  screen: { readonly hold: () => Promise<void>; readonly release: () => Promise<void> },
): Pick<GpujobOptions, "confirmTrust" | "confirmHostKey"> {
  const ask = async (question: string): Promise<boolean> => {
    await screen.hold();
    try {
      return await prompts.confirm(question);
    } finally {
      await screen.release();
    }
  };
  return {
    confirmTrust: ({ file, reasons }) =>
      ask(`${file} ${reasons.join(", ")}. Use this project configuration?`),
    confirmHostKey: ({ host, fingerprint }) =>
      ask(`${host} shows the host key ${fingerprint}, which is not known yet. Trust it?`),
  };
}
