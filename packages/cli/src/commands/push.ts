import { defineCommand } from "../definition.ts";
import { valueFlag } from "../flags.ts";
import { readNumberOrAll } from "../read-values.ts";
import { renderTransfer } from "../render/transfer.ts";

/** Sends files to a machine. */
export const push = defineCommand({
  name: "push",
  summary: "Send files to the machine of a run",
  examples: ["gpujob push r-k3v9x2 ./data data"],
  args: {
    run: { summary: "Id, the start of one, or a name", required: true },
    source: { summary: "File or folder here", required: true },
    target: { summary: "Path on the machine, relative to the work folder", required: true },
  },
  flags: { node: valueFlag("Which node; default 0", "N|all", readNumberOrAll(0)) },
  run: async ({ flags, args }, context) => {
    const gpujob = await context.gpujob();
    const { node } = flags;
    const data = await gpujob.push(args.run, args.source, args.target, {
      signal: context.signal,
      ...(node === undefined ? {} : { node }),
    });
    return { data, lines: (view) => renderTransfer("Sent", data, view) };
  },
});
