import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { StartedTestContainer } from "testcontainers";
import { busyboxHostImage, ownerLabel, testHostImage } from "./test-host-recipe.mjs";

const run = promisify(execFile);

/** A Unix user of a test host. Without password and key nobody can log in as it. */
export interface SshHostUser {
  /** `root` is fine. */
  readonly name: string;
  /** Letters and digits. */
  readonly password?: string;
  /** One or more OpenSSH public key lines. */
  readonly authorizedKey?: string;
  /** Absolute path of the log-in shell. @default "/bin/bash", in the busybox image "/bin/sh" */
  readonly shell?: string;
}

/** What a test host is made of. */
export interface SshHostOptions {
  readonly users: readonly SshHostUser[];
  /** `busybox`: sshd and busybox and nothing else. @default "full" */
  readonly image?: "full" | "busybox";
  /** Small disks by path, such as `{ "/data": "size=8m" }`. */
  readonly tmpfs?: Readonly<Record<string, string>>;
  /** In GiB; a job over it is killed by the kernel. */
  readonly memoryLimit?: number;
  /** An existing Docker network. */
  readonly networkName?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Lines for sshd_config, such as `MaxSessions 2`. */
  readonly sshd?: string;
  /** May mount: for `reboot` and `remountReadOnly`. */
  readonly mounts?: boolean;
  /** Shell text run as root at each start, before sshd. Must be safe to repeat. */
  readonly setup?: string;
}

/** What `exec` answers. */
export interface SshHostExec {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** @default "both" */
export type PacketDirection = "in" | "out" | "both";

/** A real OpenSSH server in a container. */
export interface SshHost {
  /** May change with `restart`. */
  readonly host: string;
  readonly port: number;
  /** `SHA256:…` of the ed25519 key. */
  readonly hostKeyFingerprint: string;
  readonly containerId: string;
  /** The host's ed25519 public key line, for known_hosts. */
  readonly hostKey: string;
  /** Runs a command as root inside, past SSH. */
  exec(argv: readonly string[]): Promise<SshHostExec>;
  /** Freezes every process inside, as a suspended machine would be. */
  pause(): Promise<void>;
  unpause(): Promise<void>;
  /** Stops hard and starts again: processes are gone, files and host keys stay. The kernel's boot id stays too. */
  restart(): Promise<void>;
  /** Ends it without notice. */
  kill(): Promise<void>;
  /** From now on every packet is lost, in silence: `in` those to the host, `out` those from it. Not in the busybox image. */
  dropPackets(direction?: PacketDirection): Promise<void>;
  undropPackets(direction?: PacketDirection): Promise<void>;
  /** As a reboot looks from outside: another boot id, and nothing runs any more but sshd, at the same address. */
  reboot(): Promise<void>;
  /** Turns a disk read-only under whoever uses it, as the kernel does after an error. */
  remountReadOnly(path: string): Promise<void>;
  /** Delays every packet that leaves, and may limit the rate. Throws where the kernel has no netem. */
  shape(options: { readonly delayMs: number; readonly rateKbit?: number }): Promise<void>;
  /** Removes the container. May be called twice. */
  destroy(): Promise<void>;
}

/** Starts a host and waits until sshd listens, about a second. The image must be there: see `ensureTestHostImage`. */
export async function startSshHost(options: SshHostOptions): Promise<SshHost> {
  // Its cleaner is one more image to fetch; we clean up by label ourselves.
  process.env["TESTCONTAINERS_RYUK_DISABLED"] = "true";
  const { GenericContainer, Wait } = await import("testcontainers");
  // What a killed test left behind goes with the next one.
  await removeOwned((owner) => !isAlive(owner));
  const container = new GenericContainer(
    options.image === "busybox" ? busyboxHostImage : testHostImage,
  )
    .withLabels({ [ownerLabel]: String(process.pid) })
    .withEnvironment({ ...options.environment, HOST_SETUP: setupScript(options) })
    .withExposedPorts(22)
    .withAddedCapabilities("NET_ADMIN")
    .withTmpFs({ ...options.tmpfs })
    .withWaitStrategy(Wait.forLogMessage(/Server listening on 0\.0\.0\.0/));
  if (options.mounts === true) {
    container
      .withAddedCapabilities("NET_ADMIN", "SYS_ADMIN")
      .withSecurityOpt("apparmor=unconfined");
  }
  if (options.memoryLimit !== undefined)
    container.withResourcesQuota({ memory: options.memoryLimit });
  const network = options.networkName ?? (await (ownNetwork ??= createOwnNetwork()));
  container.withNetworkMode(network);
  return describeHost(await container.start(), network);
}

/**
 * A network for this process alone: the address of a host that went is never that of another test's host, which would be
 * a fault that nobody asked for.
 */
async function createOwnNetwork(): Promise<string> {
  const name = `gpujob-test-${process.pid}`;
  await run("docker", ["network", "create", "--label", `${ownerLabel}=${process.pid}`, name]);
  return name;
}

/** Asked for once: of two that are asked for at the same time, Docker makes two of one name. */
let ownNetwork: Promise<string> | undefined;

/** Removes the containers and networks of this process and of test processes that no longer live. For a global teardown. */
export async function removeTestContainers(): Promise<void> {
  ownNetwork = undefined;
  await removeOwned((owner) => owner === process.pid || !isAlive(owner));
}

async function removeOwned(isOver: (owner: number) => boolean): Promise<void> {
  const containers = await listOwned(["ps", "-a"], isOver);
  // Another test process may be removing the same ones.
  if (containers.length > 0)
    await run("docker", ["rm", "-f", "-v", ...containers]).catch(() => undefined);
  const networks = await listOwned(["network", "ls"], isOver);
  if (networks.length > 0)
    await run("docker", ["network", "rm", ...networks]).catch(() => undefined);
}

/** Ids of what carries our label and whose test process is over. */
async function listOwned(
  list: readonly string[],
  isOver: (owner: number) => boolean,
): Promise<string[]> {
  const format = `{{.ID}} {{.Label "${ownerLabel}"}}`;
  const filter = ["--filter", `label=${ownerLabel}`, "--format", format];
  const { stdout } = await run("docker", [...list, ...filter]);
  return stdout.split("\n").flatMap((line) => {
    const [id, owner] = line.split(" ");
    return id === undefined || owner === undefined || !isOver(Number(owner)) ? [] : [id];
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Shell text that makes the users. Runs again at each restart. */
function setupScript(options: SshHostOptions): string {
  const isBusybox = options.image === "busybox";
  const lines = options.users.flatMap((user) => userScript(user, isBusybox));
  const sshd =
    options.sshd === undefined
      ? []
      : [
          `mkdir -p /etc/ssh/sshd_config.d`,
          writeText("/etc/ssh/sshd_config.d/test.conf", `${options.sshd}\n`),
        ];
  return [...lines, ...sshd, options.setup ?? ""].join("\n");
}

function userScript(user: SshHostUser, isBusybox: boolean): string[] {
  const shell = user.shell ?? (isBusybox ? "/bin/sh" : "/bin/bash");
  const home = user.name === "root" ? "/root" : `/home/${user.name}`;
  // sshd refuses accounts whose password is locked with "!", also for keys.
  const password = user.password ?? "*";
  return [
    `id ${user.name} >/dev/null 2>&1 || useradd -m -s ${shell} ${user.name} >/dev/null 2>&1`,
    `sed -i 's#^\\(${user.name}:.*:\\)[^:]*$#\\1${shell}#' /etc/passwd`,
    user.password === undefined
      ? `sed -i 's#^${user.name}:[^:]*:#${user.name}:${password}:#' /etc/shadow`
      : `echo '${user.name}:${password}' | chpasswd >/dev/null 2>&1`,
    `mkdir -p ${home}/.ssh`,
    writeText(`${home}/.ssh/authorized_keys`, `${user.authorizedKey ?? ""}\n`),
    `chmod 700 ${home}/.ssh; chmod 600 ${home}/.ssh/authorized_keys; chown -R ${user.name} ${home}/.ssh`,
  ];
}

/** Writes a text that may hold quotes. */
function writeText(path: string, text: string): string {
  return `echo ${Buffer.from(text).toString("base64")} | base64 -d >${path}`;
}

async function describeHost(container: StartedTestContainer, network: string): Promise<SshHost> {
  let address = readAddress(container, network);
  const containerId = container.getId();
  const docker = async (...argv: string[]): Promise<void> => void (await run("docker", argv));
  const exec = async (argv: readonly string[]): Promise<SshHostExec> => {
    const { exitCode, stdout, stderr } = await container.exec([...argv]);
    return { exitCode, stdout, stderr };
  };
  const must = async (...argv: string[]): Promise<string> => {
    const answer = await exec(argv);
    if (answer.exitCode !== 0)
      throw new Error(`${argv.join(" ")} failed in the test host: ${answer.stderr}`);
    return answer.stdout.trim();
  };
  const hostKey = await must("cat", "/etc/ssh/ssh_host_ed25519_key.pub");
  const fingerprint =
    (await must("ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub")).split(" ")[1] ?? "";
  return {
    get host() {
      return address.host;
    },
    get port() {
      return address.port;
    },
    hostKeyFingerprint: fingerprint,
    hostKey: hostKey.split(" ").slice(0, 2).join(" "),
    containerId,
    exec,
    pause: () => freeze(containerId),
    unpause: () => docker("unpause", containerId),
    restart: async () => {
      await container.restart({ timeout: 0 });
      address = readAddress(container, network);
    },
    kill: () => docker("kill", containerId),
    dropPackets: async (direction = "both") => {
      for (const chain of chainsOf(direction)) await must("iptables", "-I", chain, "-j", "DROP");
    },
    undropPackets: async (direction = "both") => {
      for (const chain of chainsOf(direction)) await must("iptables", "-D", chain, "-j", "DROP");
    },
    reboot: async () => void (await must("sh", "-c", reboot)),
    remountReadOnly: async (path) => void (await must("sh", "-c", readOnly, "sh", path)),
    shape: async ({ delayMs, rateKbit }) => {
      const rate = rateKbit === undefined ? [] : ["rate", `${rateKbit}kbit`];
      await must(
        "tc",
        "qdisc",
        "replace",
        "dev",
        "eth0",
        "root",
        "netem",
        "delay",
        `${delayMs}ms`,
        ...rate,
      );
    },
    destroy: () => docker("rm", "-f", "-v", containerId),
  };
}

/** On a busy computer runc gives up on a container whose processes go on starting others, and thaws it again. */
async function freeze(containerId: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await run("docker", ["pause", containerId]);
      return;
    } catch (error) {
      if (tries >= 20 || !/unable to freeze/.test(String(error))) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

function chainsOf(direction: PacketDirection): readonly string[] {
  if (direction === "both") return ["INPUT", "OUTPUT"];
  return [direction === "in" ? "INPUT" : "OUTPUT"];
}

/** Lays a file over the kernel's boot id the first time. `kill -9 -1` spares the first process, which is sshd, and this one. */
const reboot = `if [ ! -e /run/boot_id ]; then : >/run/boot_id; mount --bind /run/boot_id /proc/sys/kernel/random/boot_id || exit 1; fi
kill -9 -1; cat /proc/sys/kernel/random/uuid >/run/boot_id`;

/** Laid over: what is open for writing forbids a plain remount, while the kernel's own, after an error, asks nobody. */
const readOnly = `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"`;

/** On Linux the container's own address: no proxy stands between, so that lost packets are really lost. */
function readAddress(
  container: StartedTestContainer,
  network: string,
): { host: string; port: number } {
  if (process.platform === "linux") return { host: container.getIpAddress(network), port: 22 };
  return { host: container.getHost(), port: container.getMappedPort(22) };
}
