import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openHost } from "@gpujob/host";
import { createSshConnector, deriveKeyPair, generateKeyPair, localFiles } from "@gpujob/ssh";
import type { HostKeyPins, SshConnector, SshKeyPair } from "@gpujob/ssh";
import type { EnginePlatform } from "@gpujob/engine";
import type { Channel, Clock, Connect, HostSession, Node, NodeAccess } from "@gpujob/spec";
import type { Store } from "@gpujob/store";
import type { GpujobOptions } from "./gpujob.ts";
import { noAccess } from "./engine-ports.ts";
import { keepConnections } from "./kept-connections.ts";
import type { Surroundings } from "./surroundings.ts";

type Wait = { readonly signal: AbortSignal };

export interface MachineTarget {
  readonly platform: EnginePlatform;
  readonly leaseKey: string;
  readonly node: Node;
}

/** The ways to machines: by SSH with our key and pins, or through a platform's own channel. */
export interface MachineAccess {
  readonly ssh: SshConnector;
  /** For adapters, which know no leases of ours. */
  readonly connect: Connect;
  readonly publicKey: () => Promise<string>;
  /** The key pair with which the nodes of one gang reach each other; the same in every process of this installation. */
  readonly gangKey: (name: string) => Promise<SshKeyPair>;
  readonly openHost: (target: MachineTarget, wait: Wait) => Promise<HostSession>;
  readonly openChannel: (target: MachineTarget, wait: Wait) => Promise<Channel>;
  /** The connector that knows the host keys of one lease. */
  readonly sshFor: (target: MachineTarget) => SshConnector;
  /** Lets go of connections that are kept for a moment after their use. */
  readonly close: () => Promise<void>;
}

export function createMachineAccess(options: {
  readonly around: Surroundings;
  readonly store: Store;
  readonly confirmHostKey?: GpujobOptions["confirmHostKey"];
  readonly log: (message: string, details?: Readonly<Record<string, unknown>>) => void;
}): MachineAccess {
  const { around, store, confirmHostKey } = options;
  const agentSocket = around.environment["SSH_AUTH_SOCK"];
  let keyPair: Promise<SshKeyPair> | undefined;
  const ourKey = (): Promise<SshKeyPair> => (keyPair ??= loadKeyPair(around.home));
  const ssh = createSshConnector({
    clock: around.clock,
    newId: around.newId,
    files: localFiles({ home: around.userHome }),
    ourKey,
    pins: pinsIn(store, "own", around.clock),
    log: options.log,
    ...(agentSocket === undefined ? {} : { agentSocket }),
    ...(confirmHostKey === undefined
      ? {}
      : {
          confirmHostKey: ({ host, port, fingerprint }) =>
            confirmHostKey({ host: port === 22 ? host : `${host}:${port}`, fingerprint }),
        }),
  });

  // A rented machine's keys count for its lease only: the next one at the same address is another machine.
  const sshFor = ({ platform, leaseKey, node }: MachineTarget): SshConnector =>
    platform.capabilities.release === "api"
      ? ssh.withPins(pinsIn(store, `lease/${leaseKey}`, around.clock))
      : sshTo(node.access);

  const sshTo = (access: NodeAccess | undefined): SshConnector =>
    access?.kind === "ssh" && access.machine !== undefined
      ? ssh.withPins(pinsIn(store, `machine/${access.machine}`, around.clock))
      : ssh;

  const kept = keepConnections((access, wait) => sshTo(access).connect(access, wait), around.clock);

  async function openChannel(target: MachineTarget, wait: Wait): Promise<Channel> {
    const { access } = target.node;
    if (access === undefined) throw noAccess(target.platform.name);
    if (access.kind === "ssh") {
      // Of a rented machine no adapter has a connection, and its keys are looked up under its lease.
      const own = target.platform.capabilities.release === "api" ? undefined : kept.take(access);
      return own ?? sshFor(target).connect(access, wait);
    }
    const { platform } = target.platform;
    if (platform.openChannel === undefined) throw noAccess(target.platform.name);
    return platform.openChannel(target.node, wait);
  }

  return {
    ssh,
    connect: kept.connect,
    publicKey: async () => (await ourKey()).publicKey,
    gangKey: async (name) => deriveKeyPair(await ourKey(), `gang ${name}`),
    async openHost(target, wait) {
      const channel = await openChannel(target, wait);
      const session = openHost(channel, {
        clock: around.clock,
        newId: around.newId,
        log: options.log,
        knownTrees: join(around.home, "trees"),
        ...(target.node.root === undefined ? {} : { root: target.node.root }),
      });
      return {
        ...session,
        close: async () => void (await Promise.allSettled([session.close(), channel.close()])),
      };
    },
    openChannel,
    sshFor,
    close: kept.close,
  };
}

function pinsIn(store: Store, scope: string, clock: Clock): HostKeyPins {
  const name = (host: string, port: number): string => `${scope}/${host}:${port}`;
  return {
    async find(host, port) {
      const row = await store.readPin(name(host, port));
      if (row === undefined) return [];
      // Written below: type and fingerprint, with a space between.
      const [type = "", fingerprint = ""] = row.fingerprint.split(" ");
      return [{ type, fingerprint }];
    },
    async add(host, port, { type, fingerprint }) {
      await store.putPin({
        scope: name(host, port),
        fingerprint: `${type} ${fingerprint}`,
        at: clock.now(),
      });
    },
  };
}

/** Our key pair, made once per home and closed to others. */
async function loadKeyPair(home: string): Promise<SshKeyPair> {
  const path = join(home, "id_ed25519");
  const read = async (): Promise<SshKeyPair> => ({
    privateKey: await readFile(path, "utf8"),
    publicKey: (await readFile(`${path}.pub`, "utf8")).trim(),
  });
  try {
    return await read();
  } catch {
    await mkdir(home, { recursive: true, mode: 0o700 });
    const pair = await generateKeyPair();
    await writeWhole(`${path}.pub`, `${pair.publicKey}\n`, 0o644);
    await writeWhole(path, pair.privateKey, 0o600);
    return read();
  }
}

async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, text, { mode });
  await rename(draft, path);
}
