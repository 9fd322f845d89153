import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { promisify } from "node:util";
import type { SecretReference } from "@gpujob/spec";
import { GpujobError, Secret, secretReferenceSchema } from "@gpujob/spec";
import type { Surroundings } from "./surroundings.ts";

const commandDeadlineMs = 30_000;

/** Resolves a reference to its value. Throws `needs_credentials` that names the reference and what to do. */
export async function resolveSecret(
  reference: SecretReference,
  around: Surroundings,
): Promise<Secret> {
  if ("env" in reference) return fromEnvironment(reference.env, around);
  if ("file" in reference) return fromFile(reference.file, around);
  if ("command" in reference) return fromCommand(reference.command, around);
  return fromKeyring(reference.keyring);
}

function fromEnvironment(name: string, { environment }: Surroundings): Secret {
  const value = environment[name];
  if (value === undefined || value === "") {
    throw new GpujobError("needs_credentials", `The environment variable ${name} is not set.`, {
      hint: `Set it, or refer to the value by file, command or keyring instead.`,
    });
  }
  return new Secret(value);
}

async function fromFile(path: string, around: Surroundings): Promise<Secret> {
  const absolute = resolve(around.cwd, path.replace(/^~(?=\/)/, around.userHome));
  try {
    const { mode } = await stat(absolute);
    if ((mode & 0o077) !== 0) {
      // In the message: where several secrets are missing, each keeps its message and no hint.
      throw new GpujobError(
        "needs_credentials",
        `${absolute} can be read by others. Close it: chmod 600 ${absolute}`,
      );
    }
    return new Secret((await readFile(absolute, "utf8")).trimEnd());
  } catch (cause) {
    if (GpujobError.is(cause)) throw cause;
    throw new GpujobError("needs_credentials", `The secret file ${absolute} cannot be read.`, {
      hint: "Make the file, with the value as its only content, or change the reference.",
      cause,
    });
  }
}

async function fromCommand(
  command: string | readonly string[],
  around: Surroundings,
): Promise<Secret> {
  const [file, ...args] = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
  if (file === undefined)
    throw new GpujobError("config_invalid", "The command of a secret is empty.");
  try {
    const { stdout } = await promisify(execFile)(file, args, {
      cwd: around.cwd,
      env: { ...around.environment },
      timeout: commandDeadlineMs,
      maxBuffer: 1024 * 1024,
    });
    return new Secret(stdout.trimEnd());
  } catch {
    // The error of execFile carries what the command printed, which may be the secret.
    const shown = typeof command === "string" ? command.split(/\s/)[0] : file;
    throw new GpujobError("needs_credentials", `The command ${shown} that gives a secret failed.`, {
      hint: "Run it by hand: it must print the value and exit 0.",
    });
  }
}

/** The system's keyring, through the tool that comes with it: libsecret on Linux, the Keychain on macOS. */
async function fromKeyring(name: string): Promise<Secret> {
  const [file, args] =
    process.platform === "darwin"
      ? ["security", ["find-generic-password", "-s", "gpujob", "-a", name, "-w"]]
      : ["secret-tool", ["lookup", "service", "gpujob", "account", name]];
  try {
    const { stdout } = await promisify(execFile)(file, args, { timeout: commandDeadlineMs });
    return new Secret(stdout.trimEnd());
  } catch {
    throw new GpujobError(
      "needs_credentials",
      `The keyring has no entry ${name} for gpujob, or cannot be asked.`,
      {
        hint:
          process.platform === "darwin"
            ? `Keep it with: security add-generic-password -s gpujob -a ${name} -w`
            : `Keep it with: secret-tool store --label=gpujob service gpujob account ${name}`,
      },
    );
  }
}

/** Every reference to a secret inside a platform's settings. */
export function findReferences(value: unknown): readonly SecretReference[] {
  const direct = secretReferenceSchema.safeParse(value);
  if (direct.success) return [direct.data];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap((each) => findReferences(each));
}

/** A reference as people read it: `env AUTODL_TOKEN`. */
export function describeReference(reference: SecretReference): string {
  const [[kind, where] = ["", ""]] = Object.entries(reference);
  return kind === "command" ? "command" : `${kind} ${String(where)}`;
}
