import { createInterface } from "node:readline";
import type { Gpujob } from "@gpujob/sdk";
import type { CommandContext } from "../context.ts";
import { usage } from "../flags.ts";

interface AddFlags {
  readonly adapter: string | undefined;
  readonly set: readonly string[];
  readonly secret: readonly string[];
}

/** Collects settings and secrets from the line, the terminal or stdin, and has the platform added. */
export async function addPlatform(
  gpujob: Gpujob,
  name: string,
  flags: AddFlags,
  context: CommandContext,
): Promise<{ readonly offers: number }> {
  if (flags.adapter === undefined) {
    throw usage(
      "platforms add needs --adapter.",
      "Such as --adapter autodl; the documentation lists them.",
    );
  }
  const settings: Record<string, string> = {};
  for (const entry of flags.set) {
    const at = entry.indexOf("=");
    if (at < 1)
      throw usage(`--set takes KEY=VALUE, not "${entry}".`, `Such as --set 'discount=0.95'.`);
    settings[entry.slice(0, at)] = entry.slice(at + 1);
  }
  const secrets = await readSecrets(flags.secret, context);
  return gpujob.addPlatform(
    { name, adapter: flags.adapter, settings, secrets },
    { signal: context.signal },
  );
}

/** Never on the command line, where every user of the machine could see them. */
async function readSecrets(
  keys: readonly string[],
  context: CommandContext,
): Promise<Record<string, string>> {
  const secrets: Record<string, string> = {};
  if (keys.length === 0) return secrets;
  if (context.canAsk) {
    for (const key of keys) secrets[key] = await context.prompts.secret(`${key} (not shown)`);
    return secrets;
  }
  const lines: string[] = [];
  for await (const line of createInterface({ input: process.stdin })) {
    lines.push(line);
    if (lines.length === keys.length) break;
  }
  for (const [index, key] of keys.entries()) {
    const value = lines[index];
    if (value === undefined || value === "") {
      throw usage(
        `No value for ${key} came on standard input.`,
        "Give one line for each --secret.",
      );
    }
    secrets[key] = value;
  }
  return secrets;
}
