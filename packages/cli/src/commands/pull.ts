import { defineCommand } from "../definition.ts";
import { valueFlag } from "../flags.ts";
import { readNumberOrAll } from "../read-values.ts";
import { renderTransfer } from "../render/transfer.ts";

/** Fetches files from a machine. */
export const pull = defineCommand({
  name: "pull",
  summary: "Fetch files from the machine of a run",
  examples: ["gpujob pull r-k3v9x2 logs/tensorboard ./tensorboard"],
  args: {
    run: { summary: "Id, the start of one, or a name", required: true },
    source: { summary: "Path on the machine, relative to the work folder", required: true },
    target: { summary: "Folder here", required: true },
  },
  flags: { node: valueFlag("Which node; default 0", "N|all", readNumberOrAll(0)) },
  run: async ({ flags, args }, context) => {
    const gpujob = await context.gpujob();
    const { node } = flags;
    const data = await gpujob.pull(args.run, args.source, args.target, {
      signal: context.signal,
      ...(node === undefined ? {} : { node }),
    });
    return { data, lines: (view) => renderTransfer("Fetched", data, view) };
  },
});
