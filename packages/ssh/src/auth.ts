import { GpujobError, type Secret, type SshAuth } from "@gpujob/spec";
import type { AnyAuthMethod, ParsedKey } from "ssh2";
import { expandPath, type SshFiles } from "./files.ts";
import { isEncryptedKey, parsePrivateKey, readPrivateKey, type SshKeyPair } from "./keys.ts";

/** One way to log in; `name` is for messages. */
export interface AuthStep {
  readonly name: string;
  readonly method: AnyAuthMethod;
  /** The key that it signs with, where that is at hand. */
  readonly key?: ParsedKey;
}

/** What log-ins are made from. */
export interface AuthSources {
  readonly files: SshFiles;
  /** The key pair of this installation. */
  readonly ourKey: () => Promise<SshKeyPair>;
  /** Path of the agent's socket; absent: no agent runs. */
  readonly agentSocket?: string;
}

/**
 * The ways to log in, in the order in which they are tried. Reads key files, so it throws what `readPrivateKey` throws, and
 * `config_invalid` where there is no way at all.
 */
export async function listAuthSteps(
  auth: SshAuth,
  user: string,
  identityFiles: readonly string[],
  sources: AuthSources,
): Promise<readonly AuthStep[]> {
  switch (auth.kind) {
    case "our-key": {
      const { privateKey } = await sources.ourKey();
      return [keyStep("gpujob's own key", user, parsePrivateKey(privateKey, "gpujob's own key"))];
    }
    case "password":
      return passwordSteps(user, auth.password);
    case "key-file": {
      const { path, passphrase } = auth;
      const key = await readPrivateKey(path, {
        files: sources.files,
        ...(passphrase === undefined ? {} : { passphrase }),
      });
      return [keyStep(`key ${path}`, user, key)];
    }
    case "agent":
      return [agentStep(user, sources.agentSocket)];
    case "default":
      return defaultSteps(user, identityFiles, sources);
  }
}

function keyStep(name: string, username: string, key: ParsedKey): AuthStep {
  return { name, key, method: { type: "publickey", username, key } };
}

function agentStep(username: string, socket: string | undefined): AuthStep {
  if (socket === undefined) {
    throw new GpujobError(
      "config_invalid",
      "An SSH agent is asked for, and none is running (SSH_AUTH_SOCK is not set).",
      {
        hint: "Start one with `eval $(ssh-agent); ssh-add`, or name a key file under `key`.",
      },
    );
  }
  return { name: "agent", method: { type: "agent", username, agent: socket } };
}

/** `password`, then the same through keyboard-interactive, which is all that some servers allow. */
function passwordSteps(username: string, password: Secret): readonly AuthStep[] {
  let isGiven = false;
  return [
    { name: "password", method: { type: "password", username, password: password.reveal() } },
    {
      name: "keyboard-interactive",
      method: {
        type: "keyboard-interactive",
        username,
        // The password is given once, and only to a question that hides its answer: a host may ask anything it likes.
        prompt: (_name, _instructions, _language, prompts, finish) => {
          const [first] = prompts;
          const isPassword =
            prompts.length === 1 && first !== undefined && first.echo !== true && !isGiven;
          isGiven = true;
          finish(isPassword ? [password.reveal()] : prompts.map(() => ""));
        },
      },
    },
  ];
}

const usualFiles = ["~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"];

/** As `ssh` itself would: the agent, then key files. Files that need a passphrase are left to the agent. */
async function defaultSteps(
  user: string,
  identityFiles: readonly string[],
  sources: AuthSources,
): Promise<readonly AuthStep[]> {
  const { files, agentSocket } = sources;
  const agent = agentSocket === undefined ? [] : [agentStep(user, agentSocket)];
  const paths = identityFiles.length > 0 ? identityFiles : usualFiles;
  const keys = await Promise.all(paths.map((path) => readUsualKey(path, user, files)));
  const steps = [...agent, ...keys.flat()];
  if (steps.length > 0) return steps;
  throw new GpujobError(
    "config_invalid",
    `There is no SSH agent and no key that can be used (looked for ${paths.join(", ")}).`,
    {
      hint: "Name one under `key`, add it to an agent with ssh-add, or give `password`.",
    },
  );
}

async function readUsualKey(
  path: string,
  user: string,
  files: SshFiles,
): Promise<readonly AuthStep[]> {
  const text = await files.read(expandPath(path, files.home));
  if (text === undefined || isEncryptedKey(text)) return [];
  return [keyStep(`key ${path}`, user, await readPrivateKey(path, { files }))];
}
