import { GpujobError } from "@gpujob/spec";
import { defineCommand } from "../definition.ts";
import { renderPlatforms } from "../render/places.ts";

/** Lists the configured platforms. */
export const platforms = defineCommand({
  name: "platforms",
  summary: "List the platforms that are configured",
  examples: ["gpujob platforms"],
  args: {
    action: { summary: "add and remove are not there yet", options: ["list", "add", "remove"] },
    name: { summary: "Platform, for add and remove" },
  },
  flags: {},
  run: async ({ args }, context) => {
    if (args.action === "add" || args.action === "remove") {
      throw new GpujobError("not_yet", `platforms ${args.action} is not there yet.`, {
        hint: "Edit platforms: in ~/.gpujob/config.yaml; gpujob doctor checks the result.",
      });
    }
    const data = await (await context.gpujob()).platforms();
    return { data, lines: (view) => renderPlatforms(data, view) };
  },
});
