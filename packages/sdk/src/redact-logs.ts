import type { JobSpec } from "@gpujob/spec";
import { createRedactor, listSecrets } from "@gpujob/spec";
import type { RedactorStream } from "@gpujob/spec";
import type { LogChunk } from "./gpujob.ts";
import { resolveSecret } from "./secrets.ts";
import type { Surroundings } from "./surroundings.ts";

/** The job's secrets as far as they can be resolved here; what cannot be known cannot be hidden. */
export async function knownSecrets(job: JobSpec, around: Surroundings): Promise<readonly string[]> {
  const found = await Promise.allSettled(
    Object.values(listSecrets(job)).map(async (reference) =>
      (await resolveSecret(reference, around)).reveal(),
    ),
  );
  return found.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
}

/** Shows `[secret]` where a job printed one; the file on this machine stays as the host wrote it. */
export async function* redactLogs(
  chunks: AsyncIterable<LogChunk>,
  secrets: readonly string[],
): AsyncGenerator<LogChunk> {
  if (secrets.length === 0) return yield* chunks;
  const redactor = createRedactor(secrets);
  const streams = new Map<string, { readonly stream: RedactorStream; last: LogChunk }>();
  for await (const chunk of chunks) {
    const key = `${chunk.attempt}/${chunk.node}`;
    const known = streams.get(key) ?? { stream: redactor.createStream(), last: chunk };
    known.last = chunk;
    streams.set(key, known);
    const bytes = known.stream.push(chunk.bytes);
    if (bytes.length > 0) yield { ...chunk, bytes };
  }
  for (const { stream, last } of streams.values()) {
    const bytes = stream.end();
    if (bytes.length > 0) yield { ...last, offset: last.offset + last.bytes.length, bytes };
  }
}
