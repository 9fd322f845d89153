import type { Lease } from "./adapter.ts";
import type { Failure, FailureKind, FailureScope, PlatformErrorKind } from "./failure.ts";
import { platformErrorKinds } from "./failure.ts";

const brand = Symbol.for("gpujob.error");

/** What an error of ours is made from; `cause` stays in the process and never enters a `Failure`. */
export interface ErrorDetails extends Omit<Failure, "kind" | "message"> {
  readonly cause?: unknown;
}

/** Any error that gpujob raises on purpose: a failure that travels as an exception inside one process. */
export class GpujobError extends Error {
  readonly failure: Failure;

  constructor(kind: FailureKind, message: string, details: ErrorDetails = {}) {
    const { cause, ...rest } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.name = "GpujobError";
    // Last, because details are often another failure's, whose own kind and message would stand before these.
    this.failure = { ...rest, kind, message };
    Object.defineProperty(this, brand, { value: true });
  }

  get kind(): FailureKind {
    return this.failure.kind;
  }

  /** Recognises errors of any copy of this package, also one bundled into a plug-in. */
  static is(error: unknown): error is GpujobError {
    return typeof error === "object" && error !== null && brand in error;
  }
}

/** What went wrong at a platform or on the way to a machine, and how wide it is. Adapters raise nothing else. */
export class PlatformError extends GpujobError {
  declare readonly failure: Failure & {
    readonly kind: PlatformErrorKind;
    readonly scope: FailureScope;
  };

  constructor(
    kind: PlatformErrorKind,
    message: string,
    details: ErrorDetails & { readonly scope?: FailureScope } = {},
  ) {
    super(kind, message, { scope: "call", ...details });
    this.name = "PlatformError";
  }

  override get kind(): PlatformErrorKind {
    return this.failure.kind;
  }

  static override is(error: unknown): error is PlatformError {
    return GpujobError.is(error) && platformErrorKinds.some((kind) => kind === error.failure.kind);
  }
}

/**
 * A list of leases of which a part could not be read, as where one of several machines does not answer. It is no list;
 * what was read rides along, so that an audit can show it beside what is missing.
 */
export class IncompleteListError extends PlatformError {
  readonly listed: readonly Lease[];

  constructor(
    kind: PlatformErrorKind,
    message: string,
    details: ConstructorParameters<typeof PlatformError>[2] & { readonly listed: readonly Lease[] },
  ) {
    const { listed, ...rest } = details;
    super(kind, message, rest);
    this.listed = listed;
  }

  /** As for `PlatformError.is`: of any copy of this package. */
  static override is(error: unknown): error is IncompleteListError {
    return PlatformError.is(error) && "listed" in error && Array.isArray(error.listed);
  }
}

/** Any thrown value as a `Failure`. What is not ours becomes `internal`, with its message kept. */
export function toFailure(error: unknown): Failure {
  if (GpujobError.is(error)) return error.failure;
  if (error instanceof Error && error.name === "AbortError") {
    return { kind: "aborted", message: "The operation was cancelled." };
  }
  return { kind: "internal", message: error instanceof Error ? error.message : String(error) };
}

/** Ends an exhaustive switch: does not compile while a case is missing. */
export function assertNever(value: never): never {
  throw new GpujobError("internal", `Unexpected value: ${JSON.stringify(value)}`);
}
