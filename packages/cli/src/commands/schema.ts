import { defineCommand } from "../definition.ts";

/** Prints a JSON Schema. */
export const schema = defineCommand({
  name: "schema",
  summary: "Print the JSON Schema of a job file or a configuration, for editors",
  examples: ["gpujob schema job > job.schema.json", "gpujob schema config"],
  args: { kind: { summary: "Of what", required: true, options: ["job", "config"] } },
  flags: {},
  run: async ({ args }, context) => {
    const data = await (await context.gpujob()).schema(args.kind === "job" ? "job" : "config");
    return { data, lines: () => JSON.stringify(data, undefined, 2).split("\n") };
  },
});
