import type { Readable, Writable } from "node:stream";

/** How a process on a node ended: by its own code, or by a signal. Neither: the platform did not say. */
export interface ExecExit {
  readonly code?: number;
  /** Signal name with the prefix, such as `SIGKILL`. */
  readonly signal?: string;
}

/** One process on a node. Streams carry raw bytes; whoever starts it must read or `resume()` both outputs. */
export interface Execution {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * Settles when the process has ended and both outputs are closed.
   * Rejects with `PlatformError` `unreachable` when the connection broke first, `aborted` when the signal fired.
   */
  readonly exit: Promise<ExecExit>;
}

/**
 * A way to start processes on one ready node. The argument vector reaches the process byte for byte,
 * whatever the login shell is: nothing in it is ever read by a shell.
 */
export interface Channel {
  exec(argv: readonly string[], options: { readonly signal: AbortSignal }): Execution;
  /** Ends every process started through this channel that still holds it open. May be called twice. */
  close(): Promise<void>;
}
