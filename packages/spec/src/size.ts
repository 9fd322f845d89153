import { splitQuantity, trimNumber, unreadable } from "./quantity.ts";

const gibPerUnit: ReadonlyMap<string, number> = new Map([
  ["k", 2 ** -20],
  ["m", 2 ** -10],
  ["g", 1],
  ["t", 2 ** 10],
  ["p", 2 ** 20],
]);

/**
 * Reads a size such as `80G`, `80GB` or `80GiB` (all the same: 2^30 bytes each) as GiB.
 * @throws `usage` when it is none, also for a number without a unit.
 */
export function parseSizeGib(value: unknown): number {
  const next = "Write a number with its unit, such as 512MB, 80GB or 1.5TB.";
  if (typeof value === "number") {
    throw unreadable(value, "a size: the unit is missing", `Write ${value}GB if you mean GiB.`);
  }
  if (typeof value !== "string") throw unreadable(value, "a size", next);
  const quantity = splitQuantity(value);
  if (quantity?.unit === "") {
    const number = value.trim();
    throw unreadable(value, "a size: the unit is missing", `Write ${number}GB if you mean GiB.`);
  }
  const unit = /^([kmgtp])(?:i?b)?$/.exec(quantity?.unit.toLowerCase() ?? "")?.[1] ?? "";
  const factor = gibPerUnit.get(unit);
  if (quantity === undefined || factor === undefined) throw unreadable(value, "a size", next);
  return quantity.amount * factor;
}

/** A size in GiB for people, readable by `parseSizeGib`: `80 GiB`, `1.5 TiB`, `512 MiB`. */
export function formatGib(gib: number): string {
  if (gib >= 1024) return `${trimNumber(gib / 1024, 2)} TiB`;
  if (gib >= 1 || gib === 0) return `${trimNumber(gib, 2)} GiB`;
  if (gib >= 2 ** -10) return `${trimNumber(gib * 1024, 1)} MiB`;
  return `${trimNumber(gib * 2 ** 20, 1)} KiB`;
}

/** A number of bytes for people: `12 B`, `340 KiB`, `1.25 GiB`. */
export function formatBytes(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : formatGib(bytes / 2 ** 30);
}

const gbpsPerUnit: ReadonlyMap<string, number> = new Map([
  ["m", 0.001],
  ["g", 1],
  ["t", 1000],
]);

/**
 * Reads a bandwidth such as `100Gbps`, `800Mbps` or `1.6Tbps` as Gbit/s.
 * @throws `usage` when it is none, also for bytes per second.
 */
export function parseBandwidthGbps(value: unknown): number {
  const next = "Write bits per second with a unit, such as 100Gbps or 800Mbps.";
  const quantity = typeof value === "string" ? splitQuantity(value) : undefined;
  const unit = /^([mgt])(?:bps|bits?|bit\/s|b\/s)?$/i.exec(quantity?.unit ?? "")?.[1];
  const factor = gbpsPerUnit.get(unit?.toLowerCase() ?? "");
  const isBytes = /B(?:\/s|ps)?$/.test(quantity?.unit ?? "");
  if (quantity === undefined || factor === undefined || isBytes) {
    throw unreadable(value, "a bandwidth", next);
  }
  return Number((quantity.amount * factor).toPrecision(12));
}

/** A bandwidth in Gbit/s for people, readable by `parseBandwidthGbps`: `100 Gbps`, `800 Mbps`. */
export function formatBandwidth(gbps: number): string {
  return gbps >= 1 || gbps === 0
    ? `${trimNumber(gbps, 2)} Gbps`
    : `${trimNumber(gbps * 1000, 1)} Mbps`;
}
