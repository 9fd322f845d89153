import type { RunDetail } from "@gpujob/sdk";
import { openAdopting } from "../context.ts";
import { defineCommand } from "../definition.ts";
import { booleanFlag } from "../flags.ts";
import { renderReceipt } from "../render/places.ts";
import { renderRun } from "../render/run.ts";
import { watchLines } from "../run/watch-lines.ts";

/** Shows one run. */
export const show = defineCommand({
  name: "show",
  summary: "Show one run: attempts as a time line, reasons, use, cost so far",
  examples: ["gpujob show", "gpujob show qwen-lora -w", "gpujob show r-k3v9x2 --receipt"],
  args: { run: { summary: "Id, the start of one, or a name; default the newest" } },
  flags: {
    watch: booleanFlag("Keep showing it until it has ended", { char: "w" }),
    receipt: booleanFlag("Proof for every machine: intended, made, how its end was seen"),
  },
  run: async ({ flags, args }, context) => {
    const gpujob = await openAdopting(context);
    if (flags.receipt) {
      const data = await gpujob.receipt(args.run);
      return { data, lines: (view) => renderReceipt(data, view) };
    }
    const read = (): Promise<RunDetail> => gpujob.showRun(args.run);
    if (flags.watch) {
      return watchLines(read, renderRun, ({ endedAt }) => endedAt !== null, context);
    }
    const data = await read();
    return { data, lines: (view) => renderRun(data, view) };
  },
});
