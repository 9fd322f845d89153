import { omitUndefined } from "@gpujob/adapter-kit";

/** A lease as its machine shows it. */
export interface ReportedLease {
  readonly leaseKey: string;
  /**
   * `up`: in use. `over`: given back. `lapsed`: its time is over. `restarted`: the machine was started anew. `ended`: the
   * next lease has taken the bill over. All but the last bill on.
   */
  readonly state: "up" | "over" | "lapsed" | "restarted" | "ended";
  /** Packed ownership, as far as it can be read. */
  readonly name: string;
  /** From when it pays, epoch milliseconds by the machine's clock. */
  readonly fromMs?: number;
  readonly endedMs?: number;
}

/** What a machine's script answered. */
export interface MachineReport {
  readonly user?: string;
  /** The folder for our work among those that were named. */
  readonly workFolder?: string;
  readonly cpuCount?: number;
  readonly memoryGib?: number;
  readonly diskFreeGib?: number;
  /** What `nvidia-smi` calls the cards. */
  readonly cards: readonly string[];
  readonly leases: readonly ReportedLease[];
  /** Was it told to end itself? */
  readonly isEnding: boolean;
  /** Why nothing was done, where nothing was. */
  readonly problem?: { readonly code: string; readonly text: string };
}

const states = new Set(["up", "over", "lapsed", "restarted", "ended"]);

/** Reads the lines of the script's answer. Lines that it does not know are left out. */
export function readReport(output: string): MachineReport {
  const rows = output.split("\n").map((line) => line.split("\t"));
  const of = (kind: string): readonly (readonly string[])[] =>
    rows.filter((row) => row[0] === kind).map((row) => row.slice(1));
  const [cpus, memoryKib, diskKib] = of("size")[0] ?? [];
  const [user, workFolder] = of("host")[0] ?? [];
  const [problem] = of("problem");
  return omitUndefined({
    user: user || undefined,
    workFolder: workFolder || undefined,
    cpuCount: readNumber(cpus),
    memoryGib: readNumber(memoryKib, 1024 * 1024),
    diskFreeGib: readNumber(diskKib, 1024 * 1024),
    cards: of("card").flatMap(([name = ""]) => (name.trim() === "" ? [] : [name.trim()])),
    leases: of("lease").flatMap(readLease),
    isEnding: rows.some((row) => row[0] === "ending"),
    problem: problem?.[0] === undefined ? undefined : { code: problem[0], text: problem[1] ?? "" },
  });
}

function readLease(fields: readonly string[]): readonly ReportedLease[] {
  const [leaseKey = "", state = "", name = "", _created, from, ended] = fields;
  if (leaseKey === "" || !isState(state)) return [];
  const fromMs = readNumber(from, 1 / 1000);
  const endedMs = readNumber(ended, 1 / 1000);
  return [omitUndefined({ leaseKey, state, name: name.trim(), fromMs, endedMs })];
}

function readNumber(text = "", divisor = 1): number | undefined {
  const value = Number(text) / divisor;
  return text.trim() !== "" && Number.isFinite(value) && value > 0 ? value : undefined;
}

function isState(text: string): text is ReportedLease["state"] {
  return states.has(text);
}
