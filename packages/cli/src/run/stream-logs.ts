import type { Gpujob, LogOptions } from "@gpujob/sdk";
import { toFailure } from "@gpujob/spec";
import type { CommandContext } from "../context.ts";
import type { Outcome } from "../definition.ts";
import { failureEnvelope } from "../envelope.ts";
import { endOfRun, exitCodeOf } from "../exit-codes.ts";
import { createJsonLines } from "./json-lines.ts";
import { openLogWriter } from "./open-log-writer.ts";
import { clockOf } from "../render/run.ts";

/** `logs`: the log as bytes, or with `--json` one object per line. With `follow` it ends as the run ends. */
export async function streamLogs(
  gpujob: Gpujob,
  reference: string | undefined,
  options: Omit<LogOptions, "signal">,
  context: CommandContext,
): Promise<Outcome<null>> {
  const { signal, isGone } = viewSignal(context);
  const json = createJsonLines((line) => context.out.write(line));
  const writer = await openLogWriter({ ...context, isJson: false }, async () => {
    const { attempts } = await gpujob.showRun(reference);
    return options.node === undefined && (attempts.at(-1)?.leases.length ?? 1) > 1;
  });
  return streaming(context, isGone, async () => {
    for await (const chunk of gpujob.readLogs(reference, { ...options, signal })) {
      if (context.isJson) await json.write(chunk);
      else await writer.write(chunk);
    }
    await (context.isJson ? json.end() : writer.end());
    if (options.follow !== true) return 0;
    return endOfRun(await gpujob.waitRun(reference, { signal })).exitCode;
  });
}

/** `logs --events`: the run's journal for people, or with `--json` one object per line. */
export async function streamTimeline(
  gpujob: Gpujob,
  reference: string | undefined,
  follow: boolean,
  context: CommandContext,
): Promise<Outcome<null>> {
  const { signal, isGone } = viewSignal(context);
  return streaming(context, isGone, async () => {
    for await (const entry of gpujob.readTimeline(reference, { follow, signal })) {
      const attempt = entry.attempt === null ? "" : `[${entry.attempt}] `;
      const text = `${clockOf(entry.at)}  ${attempt}${entry.message}`;
      await context.out.write(`${context.isJson ? JSON.stringify(entry) : text}\n`);
    }
    return follow ? endOfRun(await gpujob.waitRun(reference, { signal })).exitCode : 0;
  });
}

/** A reader that is gone ends the view, and there is nothing wrong with that. */
function viewSignal(context: CommandContext): {
  readonly signal: AbortSignal;
  readonly isGone: () => boolean;
} {
  const gone = new AbortController();
  context.out.onGone(() => gone.abort());
  return {
    signal: AbortSignal.any([context.signal, gone.signal]),
    isGone: () => gone.signal.aborted,
  };
}

async function streaming(
  context: CommandContext,
  isGone: () => boolean,
  stream: () => Promise<number>,
): Promise<Outcome<null>> {
  try {
    return { data: null, isStreamed: true, exitCode: await stream() };
  } catch (error) {
    if (isGone()) return { data: null, isStreamed: true };
    if (!context.isJson || context.signal.aborted) throw error;
    const failure = toFailure(error);
    const exitCode = exitCodeOf(failure.kind);
    const envelope = failureEnvelope(failure, exitCode, context.warnings);
    await context.out.write(`${JSON.stringify(envelope)}\n`);
    return { data: null, isStreamed: true, exitCode };
  }
}
