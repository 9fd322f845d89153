import type { AdapterContext, AdapterDefinition, Capabilities, Platform } from "@gpujob/spec";
import { contractVersion, GpujobError } from "@gpujob/spec";
import type { z } from "zod";
import { capabilityProblems, methodProblems, withDefaults } from "./capabilities.ts";

/** What must be said of every platform; the rest has a careful default (see `capabilityDefaults`). */
export type CapabilitiesInput = Pick<Capabilities, "release" | "markets"> & Partial<Capabilities>;

/** What an adapter author writes; `defineAdapter` turns it into an `AdapterDefinition`. */
export interface AdapterDefinitionInput<Config> {
  /** Name used in `adapter:` of the configuration: lower-case words joined by `-`, at most 32 characters. */
  readonly id: string;
  /** For people, such as `AutoDL`. */
  readonly title: string;
  /** The version of the contract that the adapter was written for. */
  readonly contractVersion: number;
  /** Strict schema of the platform's entry in the configuration, without `adapter`. */
  readonly configSchema: z.ZodType<Config>;
  readonly capabilities: CapabilitiesInput;
  /** Makes the platform; no I/O and no waiting here. */
  create(config: Config, context: AdapterContext): Platform;
}

const idShape = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/**
 * Checks an adapter and fills in the default capabilities. The created platform is checked too: each optional method
 * is there exactly when its capability says so.
 *
 * @throws GpujobError `internal` that lists everything wrong: a mistake in the adapter, not of its user.
 */
export function defineAdapter<Config>(
  input: AdapterDefinitionInput<Config>,
): AdapterDefinition<Config> {
  const capabilities = withDefaults(input.capabilities);
  const problems = [...definitionProblems(input), ...capabilityProblems(capabilities)];
  if (problems.length > 0) throw adapterMistake(input.id, problems);
  return {
    id: input.id,
    title: input.title,
    contractVersion: input.contractVersion,
    configSchema: input.configSchema,
    capabilities,
    create(config, context) {
      const platform = input.create(config, context);
      const missing = methodProblems(capabilities, platform);
      if (missing.length > 0) throw adapterMistake(input.id, missing);
      return platform;
    },
  };
}

function definitionProblems(input: AdapterDefinitionInput<unknown>): string[] {
  const problems: string[] = [];
  if (!idShape.test(input.id) || input.id.length > 32) {
    problems.push(`id "${input.id}" must be lower-case words joined by "-", at most 32 characters`);
  }
  if (input.title.trim() === "") problems.push("title is empty");
  if (input.contractVersion !== contractVersion) {
    problems.push(
      `contractVersion is ${input.contractVersion}, but this gpujob speaks version ${contractVersion}`,
    );
  }
  if (typeof input.configSchema?.safeParse !== "function") {
    problems.push("configSchema is not a zod schema");
  }
  return problems;
}

function adapterMistake(id: string, problems: readonly string[]): GpujobError {
  return new GpujobError("internal", `The adapter "${id}" is not usable: ${problems.join("; ")}.`, {
    hint: "Correct the adapter's definition, or install the version of it made for this gpujob.",
  });
}
