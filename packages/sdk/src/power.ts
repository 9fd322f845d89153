import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A machine with a battery may fall asleep at any time; one without is taken to stay awake. */
export function staysAwake(): boolean {
  const folder = "/sys/class/power_supply";
  try {
    return !readdirSync(folder).some((name) => readType(join(folder, name)) === "Battery");
  } catch {
    // No such folder: a container or a server on Linux; a Mac may be a laptop.
    return process.platform === "linux";
  }
}

function readType(folder: string): string {
  try {
    // A mouse has a battery too, of scope `Device`.
    const isDevice = readText(join(folder, "scope")) === "Device";
    return isDevice ? "Device" : readText(join(folder, "type"));
  } catch {
    return "";
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
