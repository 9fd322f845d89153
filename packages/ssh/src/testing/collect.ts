import type { Readable } from "node:stream";
import type { Channel, ExecExit } from "@gpujob/spec";

/** What a finished program answered. */
export interface Outcome {
  readonly exit: ExecExit;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Runs a program to its end with the given input, for tests. */
export async function runToEnd(
  channel: Channel,
  argv: readonly string[],
  options: { readonly input?: Buffer | string; readonly signal?: AbortSignal } = {},
): Promise<Outcome> {
  const execution = channel.exec(argv, { signal: options.signal ?? AbortSignal.timeout(60_000) });
  execution.stdin.end(options.input ?? "");
  const [stdout, stderr, exit] = await Promise.all([
    readAll(execution.stdout),
    readAll(execution.stderr),
    execution.exit,
  ]);
  return { exit, stdout, stderr };
}

async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
