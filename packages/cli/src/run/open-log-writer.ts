import type { CommandContext } from "../context.ts";
import type { LogWriter } from "./log-writer.ts";
import { createLogWriter } from "./log-writer.ts";

/** A log writer on the screen that asks, at the first byte, whether there are several nodes. */
export async function openLogWriter(
  context: CommandContext,
  hasManyNodes: () => Promise<boolean>,
): Promise<LogWriter> {
  let writer: Promise<LogWriter> | undefined;
  const open = async (): Promise<LogWriter> =>
    createLogWriter({
      output: context.isJson ? context.err : context.out,
      write: (bytes) => context.screen.log(bytes),
      hasManyNodes: await hasManyNodes(),
    });
  return {
    write: async (chunk) => (await (writer ??= open())).write(chunk),
    end: async () => (await writer)?.end(),
  };
}
