/** A lease as its host shows it. */
export interface ReportedLease {
  readonly leaseKey: string;
  /** `stopped`: its holder is gone though the host was not started anew. `rebooted`: the host was. */
  readonly state: "up" | "stopped" | "ended" | "rebooted";
  /** Packed ownership, as far as it can be read. */
  readonly name: string;
  readonly cards: readonly string[];
  /** Epoch seconds by the host's clock. */
  readonly createdAt?: number;
  readonly user: string;
}

/** A card that somebody of gpujob's users holds. */
export interface Claim {
  readonly card: string;
  readonly leaseKey: string;
  readonly user: string;
}

/** What a host's script answered. */
export interface HostReport {
  readonly user?: string;
  /** From which it would reach other machines. */
  readonly address?: string;
  readonly cpuCount?: number;
  readonly memoryGib?: number;
  readonly diskFreeGib?: number;
  /** What is with Docker there, for this user. */
  readonly docker?: "usable" | "stopped" | "forbidden" | "missing";
  readonly claims: readonly Claim[];
  readonly leases: readonly ReportedLease[];
  /** Lines of the vendors' tools by section: `nvidia`, `apps`, `topo`, `npu`. */
  readonly tools: Readonly<Record<string, readonly string[]>>;
  /** Why nothing was done, where nothing was. */
  readonly problem?: { readonly code: string; readonly text: string };
}

const states = new Set(["up", "stopped", "ended", "rebooted"]);

/** Reads the lines of the script's answer. Lines that it does not know are left out. */
export function readReport(output: string): HostReport {
  const rows = output.split("\n").map((line) => line.split("\t"));
  const of = (kind: string): readonly (readonly string[])[] =>
    rows.filter((row) => row[0] === kind).map((row) => row.slice(1));
  const [cpu, memoryKib, diskKib] = of("size")[0] ?? [];
  const user = of("host")[0]?.[1];
  const address = of("address")[0]?.[0] ?? "";
  const problem = of("problem")[0];
  return {
    ...(user === undefined ? {} : { user }),
    ...(address === "" ? {} : { address }),
    ...number("cpuCount", cpu),
    ...number("memoryGib", memoryKib, 1024 * 1024),
    ...number("diskFreeGib", diskKib, 1024 * 1024),
    ...readDocker(of("docker")[0]?.[0]),
    claims: of("claim").flatMap(([card = "", leaseKey = "", owner = ""]) =>
      card === "" ? [] : [{ card, leaseKey, user: owner }],
    ),
    leases: of("lease").flatMap(readLease),
    tools: Object.fromEntries(
      ["nvidia", "apps", "topo", "npu"].map((kind) => [
        kind,
        of(kind).map((fields) => fields.join("\t")),
      ]),
    ),
    ...(problem === undefined
      ? {}
      : { problem: { code: problem[0] ?? "", text: problem[1] ?? "" } }),
  };
}

const dockerStates = ["usable", "stopped", "forbidden", "missing"] as const;

function readDocker(state: string | undefined): Pick<HostReport, "docker"> {
  const docker = dockerStates.find((known) => known === state);
  return docker === undefined ? {} : { docker };
}

function number<Name extends string>(
  name: Name,
  text: string | undefined,
  divisor = 1,
): Partial<Record<Name, number>> {
  const value = Number(text) / divisor;
  // A computed key makes a wide type; the value is the one that the name stands for.
  const found: Partial<Record<Name, number>> = {};
  return text !== undefined && text !== "" && Number.isFinite(value) && value > 0
    ? Object.assign(found, { [name]: value })
    : found;
}

function readLease([
  leaseKey = "",
  state = "",
  name = "",
  cards = "",
  created = "",
  user = "",
]: readonly string[]): readonly ReportedLease[] {
  if (leaseKey === "" || !isState(state)) return [];
  return [
    {
      leaseKey,
      state,
      name: name.trim(),
      cards: cards.split(" ").filter((card) => card !== ""),
      ...(/^\d+ *$/.test(created) ? { createdAt: Number(created) } : {}),
      user: user.trim(),
    },
  ];
}

function isState(text: string): text is ReportedLease["state"] {
  return states.has(text);
}
