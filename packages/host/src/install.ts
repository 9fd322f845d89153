import { createHash } from "node:crypto";
import type { Clock, Execution } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { startDeadline, untilAborted } from "./deadline.ts";
import type { Link } from "./link.ts";
import { toRefusal } from "./link.ts";
import { helloScript, supervisorScript } from "./shell-scripts.ts";
import { readLines, write } from "./streams.ts";

/** Names the script by its content: several versions live side by side on a machine. */
export function supervisorHash(): string {
  return createHash("sha256").update(supervisorScript).digest("hex").slice(0, 16);
}

/** What the first conversation with a machine has found, and what goes on behind it. */
export interface Greeting {
  /** The absolute folder for everything of ours. */
  readonly root: string;
  /** The process that was started; it has ended unless it was to go on as a command. */
  readonly execution: Execution;
  /** What it says from here on. */
  readonly lines: AsyncGenerator<string>;
}

const greetingMs = 60_000;

/**
 * Sees to it that our script is on the machine. With a command (its name, the attempt's folder and the epoch) the same process
 * goes on as that command, which spares a conversation. Throws what the machine refused.
 */
export async function sayHello(
  link: Link,
  options: {
    readonly signal: AbortSignal;
    readonly clock: Clock;
    readonly root: string;
    readonly command?: readonly string[];
  },
): Promise<Greeting> {
  const deadline = startDeadline(options.clock, greetingMs, { ...options, operation: "install" });
  const bytes = Buffer.byteLength(supervisorScript);
  const stop = new AbortController();
  // The process may outlive this conversation, so it ends by the caller's own signal, or when this fails.
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const { command = [] } = options;
  const words = ["hello", options.root, supervisorHash(), String(bytes), ...command];
  try {
    const greet = async (): Promise<Greeting> => {
      const execution = await link.start(["sh", "-c", helloScript, ...words], { signal });
      execution.stderr.resume();
      const lines = readLines(execution.stdout);
      for (;;) {
        const { value, done } = await lines.next();
        if (done === true) break;
        const [word = "", ...rest] = value.split(" ");
        const details = rest.join(" ");
        if (word === "have") {
          if (command.length === 0) execution.stdin.end();
          return { root: details, execution, lines };
        }
        if (word === "E") throw toRefusal(rest[0] ?? "", rest.slice(1).join(" "), "install");
        if (word === "need") await write(execution.stdin, supervisorScript, { signal });
      }
      throw new PlatformError("unreachable", "The machine ended the first conversation early.", {
        scope: "host",
        operation: "install",
      });
    };
    return await untilAborted(greet(), deadline.signal);
  } catch (error) {
    stop.abort();
    if (PlatformError.is(error) && error.kind === "unreachable") link.markBroken();
    throw error;
  } finally {
    deadline.done();
  }
}
