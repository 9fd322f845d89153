import { z } from "zod";
import { createConfigSchema } from "./config-schema.ts";
import type { GpuNames } from "./gpu.ts";
import { createJobSchema } from "./job-schema.ts";

/** Names are checked by the parser, which knows the catalogue; a schema for editors does not. */
const noNames: GpuNames = { resolveName: () => undefined };

/** The JSON Schema of a job file, draft 7, for editors; a file that it accepts may still be refused with more reason. */
export function jobJsonSchema(): Readonly<Record<string, unknown>> {
  return toJsonSchema(createJobSchema(noNames), "gpujob job file");
}

/** The JSON Schema of a configuration file, draft 7, for editors; settings of adapters are left open. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  return toJsonSchema(createConfigSchema(noNames), "gpujob configuration");
}

function toJsonSchema(schema: z.ZodType, title: string): Readonly<Record<string, unknown>> {
  const json = z.toJSONSchema(schema, { io: "input", target: "draft-07", unrepresentable: "any" });
  return { ...json, title };
}
