import type { Failure } from "@gpujob/spec";

/** What `--json` prints: one line on stdout and nothing else. */
export type Envelope =
  | { readonly ok: true; readonly data: unknown; readonly warnings: readonly string[] }
  | {
      readonly ok: false;
      readonly error: {
        readonly kind: string;
        readonly message: string;
        readonly hint?: string;
        readonly exitCode: number;
      };
      readonly data?: unknown;
      readonly warnings: readonly string[];
    };

/** The envelope of a command that did its part. */
export function successEnvelope(data: unknown, warnings: readonly string[]): Envelope {
  return { ok: true, data: data ?? null, warnings };
}

/** The envelope of a failure, with the data as far as it is known. */
export function failureEnvelope(
  failure: Failure,
  exitCode: number,
  warnings: readonly string[],
  data?: unknown,
): Envelope {
  const { kind, message, hint } = failure;
  const error = { kind, message, ...(hint === undefined ? {} : { hint }), exitCode };
  return { ok: false, error, ...(data === undefined ? {} : { data }), warnings };
}
