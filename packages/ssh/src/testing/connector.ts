import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "@gpujob/spec";
import { createSshConnector, type SshConnector, type SshConnectorOptions } from "../connector.ts";
import { localFiles } from "../files.ts";
import type { HostKeyPin } from "../host-keys.ts";
import { generateKeyPair, type SshKeyPair } from "../keys.ts";

/** A connector with a home folder, a key and pins of its own. */
export interface TestConnector extends SshConnector {
  readonly home: string;
  readonly ours: SshKeyPair;
  /** What was pinned, as `host:port` and fingerprint. */
  readonly pinned: Map<string, HostKeyPin>;
  readonly logged: readonly string[];
  /** Writes a file below the home folder. */
  writeHome(path: string, text: string, mode?: number): Promise<string>;
  remove(): Promise<void>;
}

/** Real time. */
const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, { signal }) => delay(ms, undefined, { signal }),
};

/** Makes a connector for tests. */
export async function makeTestConnector(
  over: Partial<SshConnectorOptions> = {},
): Promise<TestConnector> {
  const home = await mkdtemp(join(tmpdir(), "gpujob-ssh-"));
  const ours = await generateKeyPair();
  const pinned = new Map<string, HostKeyPin>();
  const logged: string[] = [];
  let count = 0;
  const connector = createSshConnector({
    clock: realClock,
    newId: () => `test${String((count += 1)).padStart(8, "0")}`,
    files: localFiles({ home, userName: "me" }),
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
      await mkdir(join(place, ".."), { recursive: true });
      await writeFile(place, text, { mode });
      return place;
    },
    remove: () => rm(home, { recursive: true, force: true }),
  };
}
