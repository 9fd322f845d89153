import { createHash } from "node:crypto";
import type { HostAttempt, HostPlan } from "@gpujob/spec";
import { renderExports } from "./shell-quote.ts";
import { jobScript } from "./shell-scripts.ts";

/** The plan as the frames that `prepare` reads: a header line `name bytes` before each, `end` after the last. */
export function renderPlan(attempt: HostAttempt, plan: HostPlan, root: string): Buffer {
  const folder = `${root}/attempts/${attemptFolder(attempt)}`;
  const frames: Record<string, string> = {
    environment: renderExports({
      ...plan.environment,
      ...jobVariables(attempt, plan, folder, root),
    }),
    secrets: renderExports(plan.secrets),
    job: jobScript,
    hostfile: renderHostFile(plan),
    ...renderGang(plan, folder),
    ...renderContainer(plan.container),
    ...(plan.setup === undefined ? {} : { setup: `${plan.setup}\n` }),
    ...(plan.run === undefined ? {} : { run: `${plan.run}\n` }),
    ...(plan.holdAfterSetup === true ? { barrier: "1\n" } : {}),
    // The last one: a plan counts once its numbers are there.
    numbers: renderNumbers(plan),
  };
  const parts = Object.entries(frames).flatMap(([name, text]) => {
    const body = Buffer.from(text);
    return [Buffer.from(`${name} ${body.length}\n`), body];
  });
  return Buffer.concat([...parts, Buffer.from("end 0\n")]);
}

/** Name of an attempt's folder, and its mark on every process. */
export function attemptFolder(attempt: HostAttempt): string {
  return `${attempt.runId}-${attempt.attempt}-${attempt.rank}`;
}

/** Strips the `SIG` of a signal's name, which `kill -s` does not know everywhere. */
export function signalName(name: string): string {
  return name
    .toUpperCase()
    .replace(/^SIG/, "")
    .replaceAll(/[^A-Z0-9]/g, "");
}

function renderNumbers(plan: HostPlan): string {
  const values: Record<string, string | number> = {
    stopSignal: signalName(plan.stopSignal),
    graceMs: plan.graceMs,
    timeLimitMs: plan.timeLimitMs,
    orphanMs: plan.orphanMs,
    holdMs: plan.holdMs,
    ...(plan.idleMs === undefined ? {} : { idleMs: plan.idleMs }),
    logLimitBytes: plan.logLimitBytes,
    tetherKind: plan.tether.kind,
    tetherLengthMs: plan.tether.lengthMs,
    powerOff: plan.powerOff,
  };
  return Object.entries(values)
    .map(([key, value]) => `${key}=${typeof value === "number" ? Math.floor(value) : value}\n`)
    .join("");
}

function renderHostFile(plan: HostPlan): string {
  return (plan.nodes?.addresses ?? [])
    .map((address) => `${address} slots=${plan.nodes?.gpusPerNode ?? 0}\n`)
    .join("");
}

/** SSH between the nodes: its own key and configuration, so that nothing of the user's is touched but authorized_keys. */
function renderGang({ nodes }: HostPlan, folder: string): Record<string, string> {
  if (nodes?.ssh === undefined) return {};
  const { privateKey, publicKey, doors } = nodes.ssh;
  const place = `${folder}/control/plan`;
  const config = doors.map(
    ({ address, port, user }, rank) => `Host node-${rank} ${address}
  HostName ${address}
  Port ${port}
  User ${user}
  HostKeyAlias node-${rank}
  IdentityFile "${place}/gang-key"
  IdentitiesOnly yes
  UserKnownHostsFile "${place}/gang-known-hosts"
  StrictHostKeyChecking yes
  BatchMode yes
`,
  );
  const known = doors.flatMap(({ hostKeys }, rank) =>
    hostKeys.map((key) => `node-${rank} ${key}\n`),
  );
  return {
    "gang-key": privateKey,
    "gang-public": `${publicKey}\n`,
    "gang-config": `${config.join("")}Host *\n  Include ~/.ssh/config\n  Include /etc/ssh/ssh_config\n`,
    "gang-known-hosts": known.join(""),
  };
}

/** The image, and the log-in as the file that Docker's command reads. */
function renderContainer(container: HostPlan["container"]): Record<string, string> {
  if (container === undefined) return {};
  const { image, login, mounts = [] } = container;
  return {
    image: `${image}\n`,
    mounts: mounts.map((path) => `${path}\n`).join(""),
    ...(login === undefined
      ? {}
      : {
          registry: JSON.stringify({
            auths: {
              [registryOf(image)]: {
                auth: Buffer.from(`${login.user}:${login.password}`).toString("base64"),
              },
            },
          }),
        }),
  };
}

/** Under which name Docker keeps the log-in of an image's registry. */
function registryOf(image: string): string {
  const [first = "", ...rest] = image.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost && first !== "docker.io" ? first : "https://index.docker.io/v1/";
}

function jobVariables(
  attempt: HostAttempt,
  plan: HostPlan,
  folder: string,
  root: string,
): Record<string, string> {
  const addresses = plan.nodes?.addresses ?? [];
  const cards = plan.cards?.join(",");
  return {
    GPUJOB_RUN_ID: attempt.runId,
    GPUJOB_ATTEMPT: String(attempt.attempt),
    GPUJOB_RESUME: plan.isResumed ? "1" : "",
    GPUJOB_CHECKPOINT_DIR:
      plan.checkpointPath === undefined ? "" : `${folder}/work/${plan.checkpointPath}`,
    GPUJOB_OUTPUT_DIR: `${folder}/output`,
    GPUJOB_CACHE_DIR: `${root}/cache`,
    GPUJOB_NODE_RANK: String(attempt.rank),
    GPUJOB_NUM_NODES: String(Math.max(1, addresses.length)),
    GPUJOB_GPUS_PER_NODE: String(plan.nodes?.gpusPerNode ?? plan.cards?.length ?? 0),
    GPUJOB_NODE_IPS: addresses.join("\n"),
    GPUJOB_HOSTFILE: `${folder}/control/plan/hostfile`,
    GPUJOB_MASTER_ADDR: addresses[0] ?? "127.0.0.1",
    GPUJOB_MASTER_PORT: String(masterPort(attempt)),
    ...(cards === undefined
      ? {}
      : { CUDA_VISIBLE_DEVICES: cards, ASCEND_RT_VISIBLE_DEVICES: cards }),
  };
}

/** The same on every node of an attempt, and rarely another's on a shared host. */
function masterPort(attempt: HostAttempt): number {
  const digest = createHash("sha256").update(`${attempt.runId}-${attempt.attempt}`).digest();
  return 20_000 + (digest.readUInt16BE(0) % 20_000);
}
