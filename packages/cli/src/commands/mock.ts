import { GpujobError } from "@gpujob/spec";
import { defineCommand } from "../definition.ts";
import { renderMeter } from "../render/places.ts";

/** Looks at the simulated markets. */
export const mock = defineCommand({
  name: "mock",
  summary: "Simulated markets: what they would bill (meter), end everything (reset)",
  examples: ["gpujob mock meter", "gpujob mock reset"],
  args: {
    action: { summary: "What to do", required: true, options: ["meter", "reset", "serve"] },
  },
  flags: {},
  run: async ({ args }, context) => {
    if (args.action === "serve") {
      throw new GpujobError("not_yet", "mock serve is not there yet.", {
        hint: "A platform with adapter: mock in the configuration needs no server.",
      });
    }
    const gpujob = await context.gpujob();
    if (args.action === "meter") {
      const data = await gpujob.mockMeter();
      return { data, lines: (view) => renderMeter(data.machines, view) };
    }
    const data = await gpujob.mockReset();
    return { data, lines: () => [`Ended ${data.machines} machines and forgot the markets.`] };
  },
});
