import { defineCommand } from "../definition.ts";
import { attachTerminal } from "../run/attach-terminal.ts";
import { booleanFlag, countFlag, listFlag, usage } from "../flags.ts";

/** Opens a shell on a run's machine. */
export const ssh = defineCommand({
  name: "ssh",
  summary: "Open a shell on the machine of a run",
  examples: ["gpujob ssh", "gpujob ssh r-k3v9x2 -L 6006", "gpujob ssh r-k3v9x2 --print"],
  args: { run: { summary: "Id, the start of one, or a name; default the newest" } },
  flags: {
    forward: listFlag("Forward this port to localhost; may be repeated", "PORT", { char: "L" }),
    print: booleanFlag("Print the command instead of running it"),
    node: countFlag("Which node; default 0", 0),
  },
  run: async ({ flags, args }, context) => {
    const ports = flags.forward.map(readPort);
    const node = flags.node === undefined ? {} : { node: flags.node };
    const gpujob = await context.gpujob();
    if (!flags.print && !context.isJson) {
      const exitCode = await attachTerminal(gpujob, args.run, { ports, ...node }, context);
      return { data: {}, exitCode };
    }
    const data = await gpujob.shellCommand(args.run, { forward: ports, ...node });
    return { data, lines: () => [data.argv.map(quote).join(" ")] };
  },
});

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw usage(`-L takes a port between 1 and 65535, not "${text}".`);
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
