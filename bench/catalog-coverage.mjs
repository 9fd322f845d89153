// Does the catalogue know every accelerator in a folder of recorded price catalogues?
// GPUJOB_CATALOG=/path/to/catalogues node --conditions=@gpujob/source bench/catalog-coverage.mjs
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { isOtherAccelerator, normalizeGpuName } from "@gpujob/catalog";
import { readTable } from "./support/csv.ts";

const say = (line) => process.stdout.write(`${line}\n`);
const folder = process.env["GPUJOB_CATALOG"];
if (!folder) {
  say("catalog-coverage: skipped, GPUJOB_CATALOG names no folder");
  process.exit(0);
}

const found = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .toSorted()
  .flatMap((path) => readNames(join(folder, path)).map((name) => ({ path, name })));
const unknown = new Map();
let names = 0;
for (const key of new Set(found.map(({ path, name }) => `${path}\t${name}`))) {
  const [path = "", name = ""] = key.split("\t");
  names++;
  if (!normalizeGpuName(name) && !isOtherAccelerator(name)) {
    unknown.set(name, [...(unknown.get(name) ?? []), relative(".", path)]);
  }
}
for (const [name, paths] of unknown) say(`unknown: ${name} (${paths.join(", ")})`);
say(`catalog-coverage: ${names} names read, ${unknown.size} unknown`);
process.exit(names === 0 || unknown.size > 0 ? 1 : 0);

/** The accelerator names in one file, by what kind of file it is. */
function readNames(path) {
  if (path.endsWith("vms.csv")) {
    return readTable(path, ",")
      .flatMap((row) => [
        row["AcceleratorName"] ?? "",
        ...Array.from((row["GpuInfo"] ?? "").matchAll(/'Name': '([^']+)'/g), ([, name]) => name),
      ])
      .filter(Boolean);
  }
  if (path.endsWith("gpu-machine-prices-2026-07-30.csv")) return column(path, ",", "gpu");
  if (path.endsWith("accelerator-zones-2026-08-20.csv")) return column(path, ";", "NAME");
  if (path.endsWith("accelerator_quota_mapping.csv")) return column(path, ",", "Accelerator");
  if (path.endsWith("on-demand-n-series-2026-06-18.csv")) {
    // Azure writes the card into the size where the size has several: Standard_NC24ads_A100_v4.
    return column(path, ",", "size").flatMap(
      (size) =>
        /_(A10|A100|T4|H100|H200|GB200|MI300X|V620|V710|MA35D|RTXPRO6000BSE)(?=_|\s|$)/.exec(
          size,
        )?.[1] ?? [],
    );
  }
  if (path.endsWith("describe-instance-types-gpu.json")) {
    return JSON.parse(readFileSync(path, "utf8")).flatMap((type) =>
      (type.GpuInfo?.Gpus ?? []).map((gpu) => `${gpu.Manufacturer} ${gpu.Name}`),
    );
  }
  if (/availability-.*\.json$/.test(path)) {
    return JSON.parse(readFileSync(path, "utf8")).items.flatMap((item) => [
      item.cloudId,
      item.gpuType,
    ]);
  }
  return [];
}

function column(path, separator, name) {
  return readTable(path, separator)
    .map((row) => row[name] ?? "")
    .filter(Boolean);
}
