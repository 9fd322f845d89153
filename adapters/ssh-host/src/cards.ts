import { normalizeGpuName } from "@gpujob/catalog";
import type { GpuVendor, Interconnect, OfferGpu } from "@gpujob/spec";
import type { DeclaredGpu } from "./config.ts";
import type { HostReport } from "./report.ts";

/** The cards of a host, and which of them somebody uses. */
export interface HostCards {
  /** Absent: the host has no accelerator. */
  readonly gpu?: OfferGpu;
  /** Every card by name: its index, or `host` for a machine without cards, which is taken as a whole. */
  readonly cards: readonly string[];
  /** Cards with processes or memory in use, whoever's they are. */
  readonly busy: readonly string[];
  /** What a person should know, such as a tool that fails. */
  readonly notes: readonly string[];
}

interface ReadCard {
  readonly index: string;
  readonly name: string;
  readonly vendor: GpuVendor;
  readonly vramGib: number;
  readonly isBusy: boolean;
}

/** More than drivers and a desktop take. */
const idleMib = 1024;

/** Joins what the user declares with what the host's tools say. What is declared stands; tools say what is busy. */
export function findCards(
  report: HostReport,
  declared: DeclaredGpu | undefined,
  interconnect: Interconnect | undefined,
): HostCards {
  const found = [...readNvidia(report), ...readAscend(report)];
  const busy = found.filter(({ isBusy }) => isBusy).map(({ index }) => index);
  const link = interconnect ?? readLink(report, found.length);
  if (declared !== undefined) return declaredCards(declared, found, busy, link);
  // A host with different cards is offered by those that it has most of; the others are told.
  const [same = []] = [...Map.groupBy(found, ({ name }) => name).values()].toSorted(
    (one, other) => other.length - one.length,
  );
  const [first] = same;
  if (first === undefined) return { cards: ["host"], busy: [], notes: toolTrouble(report) };
  const other = found.length - same.length;
  return {
    gpu: toGpu(first, same.length, link),
    cards: same.map(({ index }) => index),
    busy,
    notes:
      other === 0
        ? []
        : [
            `${other} cards of another model are not offered; declare \`gpu\` and \`cards\` to offer those`,
          ],
  };
}

function declaredCards(
  { gpu }: DeclaredGpu,
  found: readonly ReadCard[],
  busy: readonly string[],
  link: Interconnect,
): HostCards {
  if (gpu === undefined) return { cards: ["host"], busy: [], notes: [] };
  const cards = Array.from({ length: gpu.count }, (_, index) => String(index));
  const differs = found.length > 0 && found.length < gpu.count;
  return {
    gpu: { ...gpu, interconnect: link },
    cards,
    busy,
    notes: differs ? [`${gpu.count} cards are declared, and the host shows ${found.length}`] : [],
  };
}

function toGpu(card: ReadCard, count: number, interconnect: Interconnect): OfferGpu {
  const named = normalizeGpuName(card.name);
  const variant = named?.variant === undefined ? {} : { variant: named.variant };
  return {
    vendor: named?.vendor ?? card.vendor,
    model: named?.model ?? card.name.replace(/[^A-Za-z0-9]+/g, "-"),
    ...variant,
    // What drivers show is a little less than what is sold.
    vramGib: named?.vramGib ?? Math.round(card.vramGib),
    count,
    interconnect,
  };
}

/** `index, uuid, memory.total, memory.used, name` of each card, and the uuids that have processes. */
function readNvidia(report: HostReport): readonly ReadCard[] {
  const used = new Set((report.tools["apps"] ?? []).map((line) => line.split(",")[0]?.trim()));
  return (report.tools["nvidia"] ?? []).flatMap((line) => {
    const [index = "", uuid = "", total = "", taken = "", ...name] = line
      .split(",")
      .map((part) => part.trim());
    if (!/^\d+$/.test(index) || !uuid.startsWith("GPU-")) return [];
    const isBusy = used.has(uuid) || Number(taken) > idleMib;
    return [
      {
        index,
        name: name.join(","),
        vendor: "nvidia" as const,
        vramGib: Number(total) / 1024,
        isBusy,
      },
    ];
  });
}

/**
 * The boxes of `npu-smi info`: two lines per chip, then a table of processes. Cards are counted as
 * `ASCEND_RT_VISIBLE_DEVICES` counts them: chips in order.
 */
function readAscend(report: HostReport): readonly ReadCard[] {
  const rows = (report.tools["npu"] ?? [])
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .filter((cells) => cells.length > 2);
  const processes = rows.findIndex((cells) => cells.some((cell) => /^process id/i.test(cell)));
  const busy = new Set(
    rows
      .slice(processes < 0 ? rows.length : processes + 1)
      .filter((cells) => /^\d+$/.test(cells[2] ?? ""))
      .map((cells) => chipKey(cells[1])),
  );
  const chips = rows.slice(0, processes < 0 ? rows.length : processes);
  const found: ReadCard[] = [];
  for (const [at, [, left = "", health = ""]] of chips.entries()) {
    const head = /^(\d+)\s+(\S+)$/.exec(left);
    const memory = /(\d+)\s*\/\s*(\d+)\s*$/.exec(chips[at + 1]?.[3] ?? "");
    if (head === null || memory === null || !/^[A-Za-z]/.test(health)) continue;
    const chip = /^\d+/.exec(chips[at + 1]?.[1] ?? "")?.[0] ?? "0";
    found.push({
      index: String(found.length),
      name: `Ascend ${(head[2] ?? "").replace(/^Ascend/, "")}`,
      vendor: "ascend",
      vramGib: Number(memory[2]) / 1024,
      isBusy: busy.has(chipKey(`${head[1]} ${chip}`)),
    });
  }
  return found;
}

/** `0       0` and `0 0` are the same NPU and chip. */
function chipKey(text = ""): string {
  return text.split(/\s+/).slice(0, 2).join(" ");
}

/** `NV12` between every two cards is NVLink; anything else between any two is PCIe. */
function readLink(report: HostReport, count: number): Interconnect {
  const rows = (report.tools["topo"] ?? []).map((line) => line.split(/\s+/).slice(1, count + 1));
  if (count < 2 || rows.length < count) return "unknown";
  return rows.every((row) => row.every((cell) => cell === "X" || /^NV\d+$/.test(cell)))
    ? "nvlink"
    : "pcie";
}

/** A tool that is there and shows no card has something to say. */
function toolTrouble(report: HostReport): readonly string[] {
  const said = [...(report.tools["nvidia"] ?? []), ...(report.tools["npu"] ?? [])].find(
    (line) => line.trim() !== "",
  );
  return said === undefined ? [] : [`no card can be read: ${said.trim().slice(0, 200)}`];
}
