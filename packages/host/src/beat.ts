import type { HostBeat, HostExit, HostJobState } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";

/** The protocol between this package and the supervisor that it installs. */
const supervisorVersion = 1;

const states = ["absent", "ready", "setup", "running", "frozen", "stopping", "ended"] as const;
const reasons = [
  "exited",
  "setup",
  "stopped",
  "time-limit",
  "orphaned",
  "idle",
  "log-limit",
  "out-of-memory",
  "disk-full",
  "tether",
  "rebooted",
  "unknown",
] as const;

/** Reads a beat line: `B 1 up=… wall=… boot=… state=… log=… …`. Throws `contract_violation` for anything else. */
export function parseBeat(line: string): HostBeat {
  const [kind, version, ...words] = line.trim().split(" ");
  if (kind !== "B" || version === undefined) throw misread(line);
  if (Number(version) > supervisorVersion) {
    throw new PlatformError(
      "unsupported_request",
      `The supervisor on this machine speaks protocol ${version}, which is newer than this program.`,
      { scope: "host", hint: "Upgrade gpujob on this computer." },
    );
  }
  const values = new Map(
    words.map((word): [string, string] => {
      const at = word.indexOf("=");
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
  const state = states.find((known) => known === values.get("state"));
  const boot = values.get("boot");
  if (state === undefined || boot === undefined) throw misread(line);
  return {
    uptimeMs: readNumber(values, "up", line),
    wallMs: readNumber(values, "wall", line),
    bootId: boot,
    logBytes: readNumber(values, "log", line),
    ...readJob(state, values, line),
    ...readMeasures(values),
  };
}

function readJob(
  state: HostJobState,
  values: ReadonlyMap<string, string>,
  line: string,
): Pick<HostBeat, "state" | "exit" | "nonce" | "isSetUp"> {
  const nonce = values.get("nonce");
  return {
    state,
    ...(nonce === undefined || nonce === "" ? {} : { nonce }),
    ...(values.get("setup") === "1" ? { isSetUp: true } : {}),
    ...(state === "ended" ? { exit: readExit(values, line) } : {}),
  };
}

function readExit(values: ReadonlyMap<string, string>, line: string): HostExit {
  const startedAt = readNumber(values, "started", line);
  const xid = values.get("xid");
  return {
    code: readNumber(values, "code", line),
    reason: reasons.find((known) => known === values.get("reason")) ?? "unknown",
    ...(startedAt > 0 ? { startedAtMs: startedAt * 1000 } : {}),
    endedAtMs: readNumber(values, "ended", line) * 1000,
    ...(xid === undefined ? {} : { xid: Number(xid) }),
  };
}

function readMeasures(values: ReadonlyMap<string, string>): Partial<HostBeat> {
  const number = (name: string): number | undefined => {
    const value = Number(values.get(name) ?? Number.NaN);
    return Number.isFinite(value) ? value : undefined;
  };
  const disk = number("disk");
  const gpu = number("gpu");
  const gpuMemory = number("gpumem");
  const cpu = number("cpu");
  const memory = number("mem");
  return {
    ...(disk === undefined ? {} : { diskFreeBytes: disk }),
    ...(gpu === undefined ? {} : { gpuPercent: gpu }),
    ...(gpuMemory === undefined ? {} : { gpuMemoryGib: gpuMemory / 1024 }),
    ...(cpu === undefined ? {} : { cpuPercent: cpu }),
    ...(memory === undefined ? {} : { memoryGib: memory / 1024 }),
  };
}

function readNumber(values: ReadonlyMap<string, string>, name: string, line: string): number {
  const text = values.get(name);
  if (text === undefined || !/^\d+$/.test(text)) throw misread(line);
  return Number(text);
}

function misread(line: string): PlatformError {
  return new PlatformError(
    "contract_violation",
    `The supervisor's answer cannot be read: ${JSON.stringify(line.slice(0, 200))}`,
    { scope: "host" },
  );
}
