/** Time as the program sees it. Tests and the simulation put in one that they move themselves. */
export interface Clock {
  /** Wall-clock time in epoch milliseconds. May jump. */
  now(): number;
  /** Milliseconds that never go backwards and stand still for nothing but suspend. Only differences mean anything. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted first. */
  sleep(ms: number, options: { readonly signal: AbortSignal }): Promise<void>;
}
