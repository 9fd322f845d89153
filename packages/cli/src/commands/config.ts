import { defineCommand } from "../definition.ts";
import { renderConfig } from "../render/places.ts";

/** Shows the effective settings. */
export const config = defineCommand({
  name: "config",
  summary: "Show the settings in effect and where each comes from",
  examples: ["gpujob config", "gpujob config -c ./gpujob.config.yaml --json"],
  args: {},
  flags: {},
  run: async (_, context) => {
    const data = await (await context.gpujob()).config();
    return { data, lines: (view) => renderConfig(data, view) };
  },
});
