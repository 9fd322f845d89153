import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { busyboxHostImage, ownerLabel, testHostImage } from "./test-host-recipe.mjs";

const run = promisify(execFile);

/** A machine that has Docker: an OpenSSH server beside this computer's own engine, whose processes it sees. */
export interface DockerHost {
  readonly host: string;
  /** `SHA256:…` of its ed25519 key. */
  readonly hostKey: string;
  /** A folder that is the same in the machine and for the engine, writable for the user. */
  readonly folder: string;
  exec(argv: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

/** `mayUse: false`: the user of the machine is not let at the engine's socket. */
export async function startDockerHost(options: {
  readonly user: "root" | "student";
  readonly authorizedKey: string;
  readonly mayUse?: boolean;
}): Promise<DockerHost> {
  const folder = await mkdtemp(join(tmpdir(), "gpujob-docker-"));
  const command = (await run("sh", ["-c", "command -v docker"])).stdout.trim();
  const socket = "/var/run/docker.sock";
  const volumes = [`${socket}:${socket}`, `${command}:/usr/bin/docker:ro`, `${folder}:${folder}`];
  // Their processes are this computer's, as on a machine with an engine of its own.
  const flags = ["--pid", "host", "--label", `${ownerLabel}=${process.pid}`];
  const environment = ["-e", `HOST_SETUP=${setup(options, folder)}`];
  const mounts = volumes.flatMap((volume) => ["-v", volume]);
  const start = ["run", "-d", ...flags, ...mounts, ...environment, testHostImage];
  const { stdout } = await run("docker", start);
  const id = stdout.trim();
  const exec = async (argv: readonly string[]): Promise<string> =>
    (await run("docker", ["exec", id, ...argv])).stdout;
  const close = async (): Promise<void> => {
    // What root wrote, this process may not be allowed to remove.
    await exec(["sh", "-c", `rm -rf ${folder}/*`]).catch(() => undefined);
    await run("docker", ["rm", "-f", "-v", id]);
    await rm(folder, { recursive: true, force: true });
  };
  const format = "{{.NetworkSettings.IPAddress}}";
  const { stdout: address } = await run("docker", ["inspect", "-f", format, id]);
  for (let tries = 0; ; tries++) {
    const { stderr } = await run("docker", ["logs", id]);
    if (stderr.includes("Server listening on 0.0.0.0")) break;
    if (tries > 300) throw new Error(`sshd does not start: ${stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const key = await exec(["ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub"]);
  return { host: address.trim(), hostKey: key.split(" ")[1] ?? "", folder, exec, close };
}

function setup(
  { user, authorizedKey, mayUse = true }: Parameters<typeof startDockerHost>[0],
  folder: string,
): string {
  const home = user === "root" ? "/root" : `/home/${user}`;
  return `
[ ${user} = root ] || useradd -m -s /bin/bash ${user} || :
sed -i 's#^${user}:[^:]*:#${user}:*:#' /etc/shadow
mkdir -p ${home}/.ssh; echo '${authorizedKey}' >${home}/.ssh/authorized_keys
chmod 700 ${home}/.ssh; chown -R ${user} ${home}/.ssh ${folder}
if ${String(mayUse)} && [ ${user} != root ]; then
  group=$(stat -c %g /var/run/docker.sock)
  getent group "$group" >/dev/null || groupadd -g "$group" engine
  usermod -aG "$(getent group "$group" | cut -d: -f1)" ${user}
fi`;
}

/** A system of two megabytes: busybox, and a file that tells where one is. */
async function makeTinySystem(): Promise<Buffer> {
  const script = `mkdir -p /r/bin /r/etc /r/tmp /r/proc /r/sys /r/dev /r/root
cp /usr/bin/busybox /r/bin/busybox
/usr/bin/busybox --list | while read -r name; do [ -e /r/bin/$name ] || ln -s busybox /r/bin/$name; done
echo tiny >/r/etc/where; echo root:x:0:0::/root:/bin/sh >/r/etc/passwd
tar -c -C /r .`;
  const argv = ["run", "--rm", "--entrypoint", "/bin/sh", busyboxHostImage, "-c", script];
  const { stdout } = await run("docker", argv, { encoding: "buffer", maxBuffer: 1 << 26 });
  return stdout;
}

/** Puts a tiny image into this computer's engine; it goes with the test. */
export async function makeTinyImage(
  onTestFinished: (close: () => Promise<void>) => void,
): Promise<string> {
  const name = `gpujob-tiny:${process.pid}-${Math.random().toString(36).slice(2)}`;
  const system = await makeTinySystem();
  const importing = run("docker", ["import", "-", name]);
  importing.child.stdin?.end(system);
  await importing;
  onTestFinished(async () => void (await run("docker", ["rmi", "-f", name])));
  return name;
}

/** A registry with one image, for whom knows the password. */
export interface Registry {
  /** As a job names it. */
  readonly image: string;
  /** Requests without and with the right log-in. */
  readonly asked: { refused: number; served: number };
  close(): Promise<void>;
}

/** Speaks what `docker pull` needs of the distribution protocol, and no more. */
export async function startRegistry(login: {
  readonly user: string;
  readonly password: string;
}): Promise<Registry> {
  const layer = await makeTinySystem();
  const packed = gzipSync(layer);
  const digest = (bytes: Buffer): string =>
    `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      // The image's own variables stay, and its entry point does not run.
      config: { Env: ["PATH=/special:/bin"], Entrypoint: ["/bin/false"] },
      rootfs: { type: "layers", diff_ids: [digest(layer)] },
      history: [{ created: "2026-11-01T00:00:00Z" }],
    }),
  );
  const kind = "application/vnd.docker";
  const entry = (mediaType: string, bytes: Buffer): object => ({
    mediaType,
    size: bytes.length,
    digest: digest(bytes),
  });
  const manifestType = `${kind}.distribution.manifest.v2+json`;
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: entry(`${kind}.container.image.v1+json`, config),
      layers: [entry(`${kind}.image.rootfs.diff.tar.gzip`, packed)],
    }),
  );
  const blobs = new Map([config, packed].map((bytes) => [digest(bytes), bytes]));
  const asked = { refused: 0, served: 0 };
  const right = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString("base64")}`;
  const server = createServer(({ url = "", headers, method }, answer) => {
    if (headers.authorization !== right) {
      asked.refused += 1;
      answer.writeHead(401, { "www-authenticate": 'Basic realm="private"' }).end();
      return;
    }
    asked.served += 1;
    const body = url.includes("/manifests/") ? manifest : blobs.get(url.split("/").at(-1) ?? "");
    if (body === undefined) {
      answer.writeHead(url === "/v2/" ? 200 : 404).end();
      return;
    }
    answer.writeHead(200, {
      "content-type": body === manifest ? manifestType : "application/octet-stream",
      "content-length": body.length,
      "docker-content-digest": digest(body),
    });
    answer.end(method === "HEAD" ? undefined : body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("It listens on no port.");
  const image = `127.0.0.1:${address.port}/private/tiny:1`;
  return {
    image,
    asked,
    async close() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      await run("docker", ["rmi", "-f", image]).catch(() => undefined);
    },
  };
}
