import type { z } from "zod";
import type { AdapterContext, Capabilities, Platform } from "./adapter.ts";

/** An adapter package's default export, made by `defineAdapter` in the adapter kit. */
export interface AdapterDefinition<Config = unknown> {
  /** The name used in `adapter:` of the configuration. */
  readonly id: string;
  /** For people, such as `AutoDL`. */
  readonly title: string;
  readonly contractVersion: number;
  /** Strict schema of the platform's entry in the configuration, without `adapter`. */
  readonly configSchema: z.ZodType<Config>;
  readonly capabilities: Capabilities;
  /**
   * No I/O here: a platform that cannot be reached says so at its first call. `config` is what `configSchema` made.
   * A method, so that a registry can hold adapters of every configuration as `AdapterDefinition`.
   */
  create(config: Config, context: AdapterContext): Platform;
}
