import { spawn } from "node:child_process";
import { defineCommand } from "../definition.ts";
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
    const gpujob = await context.gpujob();
    const { argv, environment } = await gpujob.shellCommand(args.run, {
      forward: ports,
      ...(flags.node === undefined ? {} : { node: flags.node }),
    });
    const [program = "ssh", ...words] = argv;
    const data = { argv, environment };
    if (flags.print || context.isJson) return { data, lines: () => [argv.map(quote).join(" ")] };
    const release = context.signals.take(() => undefined);
    const exitCode = await new Promise<number>((resolve, reject) => {
      const env = { ...context.environment, ...environment };
      const child = spawn(program, words, { stdio: "inherit", env });
      child.once("error", () =>
        reject(
          usage(`${program} could not be started.`, "Is it installed? --print shows the command."),
        ),
      );
      child.once("exit", (code) => resolve(code ?? 255));
    }).finally(release);
    return { data, exitCode };
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
