import type { Clock, Lease } from "@gpujob/spec";
import { IncompleteListError, PlatformError } from "@gpujob/spec";
import type { Place } from "./abort.ts";
import { throwIfAborted } from "./abort.ts";
import { runWithDeadline } from "./deadline.ts";

/** What `listEach` needs to know. */
export interface ListEachOptions<Part> {
  readonly place: Place;
  readonly clock: Clock;
  readonly nameOf: (part: Part) => string;
  /** For each part, in milliseconds. @default 10_000 */
  readonly timeoutMs?: number;
  /** The leases of one part. */
  readonly read: (part: Part, wait: { readonly signal: AbortSignal }) => Promise<readonly Lease[]>;
}

/**
 * The leases of a platform whose parts are asked one by one, such as machines of their own. Each is judged alone: those
 * that fail, or do not answer in time, are named in an `IncompleteListError` that carries what the others listed.
 */
export async function listEach<Part>(
  parts: readonly Part[],
  options: ListEachOptions<Part>,
  { signal }: { readonly signal: AbortSignal },
): Promise<readonly Lease[]> {
  const { place, clock, nameOf, read, timeoutMs = 10_000 } = options;
  const answers = await Promise.allSettled(
    parts.map((part) => {
      const text = `${place.platform}: ${nameOf(part)} did not answer within ${timeoutMs / 1000} s.`;
      const lateError = (): Error =>
        new PlatformError("unreachable", text, { ...place, scope: "host" });
      const deadline = { clock, timeoutMs, signal, place, lateError };
      return runWithDeadline(deadline, (limit) => read(part, { signal: limit }));
    }),
  );
  throwIfAborted(signal, place);
  const listed = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
  const failed = parts.filter((_, index) => answers[index]?.status === "rejected");
  const first: unknown = answers.find((answer) => answer.status === "rejected")?.reason;
  if (first === undefined) return listed;
  if (!PlatformError.is(first) || parts.length === 1) throw first;
  const names = failed.map(nameOf).join(", ");
  const count = `${failed.length} of ${parts.length} cannot be asked about leases (${names})`;
  throw new IncompleteListError(first.kind, `${place.platform}: ${count}: ${first.message}`, {
    ...first.failure,
    ...place,
    cause: first,
    listed,
  });
}
