import { createHash } from "node:crypto";
import type { Clock } from "@gpujob/spec";
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

/** Sees to it that our script is on the machine. Gives the absolute folder for everything of ours. */
export async function sayHello(
  link: Link,
  options: { readonly signal: AbortSignal; readonly clock: Clock; readonly root: string },
): Promise<string> {
  const deadline = startDeadline(options.clock, 60_000, { ...options, operation: "install" });
  const bytes = Buffer.byteLength(supervisorScript);
  const stop = new AbortController();
  const signal = AbortSignal.any([deadline.signal, stop.signal]);
  try {
    const execution = await link.start(
      ["sh", "-c", helloScript, "hello", options.root, supervisorHash(), String(bytes)],
      { signal },
    );
    execution.stderr.resume();
    const converse = async (): Promise<string> => {
      for await (const line of readLines(execution.stdout)) {
        const [word = "", ...rest] = line.split(" ");
        const details = rest.join(" ");
        if (word === "have") {
          execution.stdin.end();
          return details;
        }
        if (word === "E") throw toRefusal(rest[0] ?? "", rest.slice(1).join(" "), "install");
        if (word === "need") {
          await write(execution.stdin, supervisorScript, { signal });
          execution.stdin.end();
        }
      }
      throw new PlatformError("unreachable", "The machine ended the first conversation early.", {
        scope: "host",
        operation: "install",
      });
    };
    return await untilAborted(converse(), deadline.signal);
  } catch (error) {
    if (PlatformError.is(error) && error.kind === "unreachable") link.markBroken();
    throw error;
  } finally {
    deadline.done();
    stop.abort();
  }
}
