import { defineCommand } from "../definition.ts";
import { usage, valueFlag } from "../flags.ts";
import { readNumberOrAll } from "../read-values.ts";

/** Runs a command on a run's machine. */
export const exec = defineCommand({
  name: "exec",
  summary: "Run a command on the machine of a run, and end with its exit code",
  examples: ["gpujob exec r-k3v9x2 -- nvidia-smi", "gpujob exec qwen-lora --node all -- df -h"],
  args: { run: { summary: "Id, the start of one, or a name; default the newest" } },
  rest: "-- CMD...",
  flags: { node: valueFlag("Which node; default 0", "N|all", readNumberOrAll(0)) },
  run: async ({ flags, args, rest }, context) => {
    if (rest.length === 0) {
      throw usage("exec needs a command after --.", "Such as gpujob exec RUN -- nvidia-smi.");
    }
    const gpujob = await context.gpujob();
    // A stream keeps the order of its writes; all of them are waited for.
    const written: Promise<void>[] = [];
    const { exitCode } = await gpujob.exec(args.run, rest, {
      signal: context.signal,
      ...(flags.node === undefined ? {} : { node: flags.node }),
      onOutput: (stream, bytes, node) => {
        const output = stream === "stdout" && !context.isJson ? context.out : context.err;
        const prefix = flags.node === "all" ? `[${node}] ` : "";
        written.push(output.write(prefix), output.write(bytes));
      },
    });
    await Promise.all(written);
    return { data: { exitCode }, exitCode };
  },
});
