import { bundledRates, convertMoney, findGpuModel, normalizeGpuName } from "@gpujob/catalog";

/** Says what a card is, and what a price in dollars is in CNY. */
export function describeCard(text: string, dollars: number): string {
  const name = normalizeGpuName(text); // { vendor: "nvidia", model: "A100", variant: "PCIe", vramGib: 80 }
  if (name === undefined) return `Nobody knows a card called ${text}.`;
  const capability = findGpuModel(name.model)?.computeCapability; // 8
  const price = { currency: "USD", micros: dollars * 1_000_000 };
  const { micros } = convertMoney(price, "CNY", bundledRates);
  return `${name.model}, ${name.vramGib} GiB, capability ${capability}: ${micros / 1_000_000} CNY`;
}
