import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { createRealClock } from "@gpujob/adapter-kit/testing";
import type { Channel, ExecExit } from "@gpujob/spec";
import { createSshConnector, generateKeyPair, localFiles } from "@gpujob/ssh";
import type { HostKeyPin, SshConnector, SshConnectorOptions, SshKeyPair } from "@gpujob/ssh";

/** A connector for container tests, with a home folder, a fresh key and pins of its own. */
export interface TestSsh extends SshConnector {
  readonly home: string;
  readonly ours: SshKeyPair;
  /** By `host:port`. */
  readonly pinned: Map<string, HostKeyPin>;
  readonly logged: readonly string[];
  writeHome(path: string, text: string, mode?: number): Promise<string>;
  remove(): Promise<void>;
}

/** Makes one; keys exist only for as long as the test. */
export async function makeTestSsh(over: Partial<SshConnectorOptions> = {}): Promise<TestSsh> {
  const home = await mkdtemp(join(tmpdir(), "gpujob-test-ssh-"));
  const ours = await generateKeyPair();
  const pinned = new Map<string, HostKeyPin>();
  const logged: string[] = [];
  const connector = createSshConnector({
    clock: createRealClock(),
    newId: () => randomBytes(6).toString("hex"),
    files: localFiles({ home, userName: "nobody" }),
    ourKey: async () => ours,
    pins: {
      find: async (host, port) => [pinned.get(`${host}:${port}`) ?? []].flat(),
      add: async (host, port, pin) => void pinned.set(`${host}:${port}`, pin),
    },
    log: (message) => void logged.push(message),
    ...over,
  });
  return {
    ...connector,
    home,
    ours,
    pinned,
    logged,
    writeHome: async (path, text, mode = 0o600) => {
      const place = join(home, path);
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, text, { mode });
      return place;
    },
    remove: () => rm(home, { recursive: true, force: true }),
  };
}

/** What a finished program answered. */
export interface Outcome {
  readonly exit: ExecExit;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Runs a program to its end. */
export async function runToEnd(
  channel: Channel,
  argv: readonly string[],
  options: { readonly input?: Buffer | string; readonly signal?: AbortSignal } = {},
): Promise<Outcome> {
  const execution = channel.exec(argv, { signal: options.signal ?? AbortSignal.timeout(60_000) });
  execution.stdin.end(options.input ?? "");
  const [stdout, stderr, exit] = await Promise.all([
    readAll(execution.stdout),
    readAll(execution.stderr),
    execution.exit,
  ]);
  return { exit, stdout, stderr };
}

async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
