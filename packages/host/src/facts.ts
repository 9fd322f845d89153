import type { HostFacts, HostGpu } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";

/** Reads what `facts.sh` printed. Throws `contract_violation` when it was cut short. */
export function parseFacts(text: string): HostFacts {
  const values = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const at = line.indexOf(" ");
    const key = at < 0 ? line : line.slice(0, at);
    values.set(key, [...(values.get(key) ?? []), at < 0 ? "" : line.slice(at + 1)]);
  }
  if (!values.has("end")) {
    throw new PlatformError("contract_violation", "The machine did not finish saying what it is.", {
      scope: "host",
      operation: "readFacts",
    });
  }
  const text1 = (key: string): string => values.get(key)?.[0]?.trim() ?? "";
  const inodes = Number(text1("inodes"));
  const supervisor = Number(text1("supervisor"));
  return {
    bootId: text1("boot"),
    machineId: text1("machine") || text1("product"),
    uptimeMs: Math.round(Number(text1("uptime").split(" ")[0]) * 1000),
    user: text1("user"),
    home: text1("home"),
    root: text1("root"),
    os: text1("os"),
    architecture: text1("architecture"),
    cpuCount: readCpus(text1("cpus"), text1("cpu-limit")),
    memoryGib: readMemory(text1("memory"), values.get("memory-limit") ?? []),
    diskFreeGib: Number(text1("disk")) / (1 << 20),
    ...(Number.isFinite(inodes) && inodes > 0 ? { inodesFree: inodes } : {}),
    gpus: [
      ...readNvidia(values.get("nvidia") ?? [], values.get("nvidia-process") ?? []),
      ...readAscend(values.get("npu") ?? []),
      ...readSmiJson(text1("smi-json")),
    ],
    tools: values.get("tool") ?? [],
    ...(supervisor > 0 ? { supervisorVersion: supervisor } : {}),
    ...readSsh(Number(text1("ssh-port")), values.get("ssh-key") ?? []),
    ...readDocker(text1("docker")),
    ...(values.has("problem") ? { problems: values.get("problem") ?? [] } : {}),
  };
}

function readDocker(state: string): Pick<HostFacts, "docker"> {
  return state === "usable" || state === "forbidden" || state === "stopped"
    ? { docker: state }
    : {};
}

function readSsh(port: number, lines: readonly string[]): Pick<HostFacts, "ssh"> {
  const hostKeys = lines.filter((line) => /^[a-z0-9-]+ [A-Za-z0-9+/]+=*$/.test(line));
  return port > 0 && hostKeys.length > 0 ? { ssh: { port, hostKeys } } : {};
}

/** In a container the quota is what we have, not the machine's processors. */
function readCpus(count: string, limit: string): number {
  const [quota, period] = limit.split(" ").map(Number);
  const limited =
    quota !== undefined && period !== undefined && quota > 0 ? quota / period : Infinity;
  return Math.max(1, Math.min(Number(count) || 1, Math.round(limited)));
}

function readMemory(totalKib: string, limits: readonly string[]): number {
  const bytes = limits.map(Number).filter((limit) => Number.isFinite(limit) && limit > 0);
  return Math.min(Number(totalKib) * 1024, ...bytes) / 2 ** 30;
}

function readNvidia(rows: readonly string[], processes: readonly string[]): HostGpu[] {
  const busy = new Set(
    processes.filter((row) => row.endsWith(" other")).map((row) => row.split(" ")[0]),
  );
  const ours = new Set(
    processes.filter((row) => row.endsWith(" ours")).map((row) => row.split(" ")[0]),
  );
  return rows.flatMap((row) => {
    const [index, name, total, used, uuid] = row.split(",").map((cell) => cell.trim());
    if (index === undefined || name === undefined || !/^\d+$/.test(index)) return [];
    const totalMib = Number(total);
    // Inside a container foreign processes cannot be seen, their memory can.
    const isFull = Number(used) > 1024 && !ours.has(uuid);
    return [
      {
        index: Number(index),
        name,
        ...(totalMib > 0 ? { vramGib: totalMib / 1024 } : {}),
        ...(uuid === undefined || uuid === "" ? {} : { uuid }),
        isBusy: busy.has(uuid) || isFull,
      },
    ];
  });
}

/** `npu-smi info` prints two lines per chip; cells are parted by `|`. */
function readAscend(rows: readonly string[]): HostGpu[] {
  const cards: HostGpu[] = [];
  const cells = rows.map((row) => row.split("|").map((cell) => cell.trim()));
  for (const [at, first] of cells.entries()) {
    const second = cells[at + 1];
    const head = /^(\d+)\s+(\S*(?:910|310)\S*)/.exec(first[1] ?? "");
    if (!head || second === undefined) continue;
    const memories = [...(second[3] ?? "").matchAll(/(\d+)\s*\/\s*(\d+)/g)];
    const memory = memories.at(-1);
    const totalMib = Number(memory?.[2] ?? 0);
    cards.push({
      index: cards.length,
      name: head[2] ?? "",
      ...(totalMib > 0 ? { vramGib: totalMib / 1024 } : {}),
      // An idle chip shows a few GiB of its own.
      isBusy: Number(memory?.[1] ?? 0) > 4096,
    });
  }
  return cards;
}

/** `hy-smi` and `rocm-smi` print one object with a member per card. */
function readSmiJson(text: string): HostGpu[] {
  const start = text.indexOf("{");
  if (start < 0) return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.slice(start));
  } catch {
    return [];
  }
  if (typeof parsed !== "object" || parsed === null) return [];
  return Object.entries(parsed).flatMap(([key, card]: [string, unknown]) => {
    const index = /^card(\d+)$/.exec(key)?.[1];
    if (index === undefined || typeof card !== "object" || card === null) return [];
    const values = new Map(Object.entries(card).map(([name, value]) => [name, String(value)]));
    const inGib = (part: string): number | undefined => {
      const mib = values.get(`vram Total ${part}Memory (MiB)`);
      const bytes = values.get(`VRAM Total ${part}Memory (B)`);
      if (mib !== undefined) return Number(mib) / 1024;
      return bytes === undefined ? undefined : Number(bytes) / 2 ** 30;
    };
    const total = inGib("");
    return [
      {
        index: Number(index),
        name: values.get("Card Series") ?? values.get("Card series") ?? "unknown",
        ...(total === undefined ? {} : { vramGib: total }),
        isBusy: (inGib("Used ") ?? 0) > 1,
      },
    ];
  });
}
