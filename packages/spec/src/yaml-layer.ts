import type { Layer } from "./problems.ts";
import { valueAt } from "./problems.ts";
import { formatPosition, type Problem } from "./position.ts";
import { markAt, readYaml } from "./yaml.ts";

/** A file as a layer of values, or what is wrong with it as YAML; an empty file is an empty map. */
export function readYamlLayer(
  input: string | Uint8Array,
  label: string,
): { readonly layer?: Layer; readonly problems: readonly Problem[] } {
  const result = readYaml(input);
  if (!result.ok) {
    const where = formatPosition(label, result.position);
    return { problems: [{ where, message: result.message }] };
  }
  const { value, mark } = result.file;
  const isMap = typeof value === "object" && !Array.isArray(value);
  if (!isMap) {
    const message = "The file must hold `key: value` lines, such as `run: python train.py`.";
    return { problems: [{ where: formatPosition(label, mark.position), message }] };
  }
  const where: Layer["where"] = (path, part) => {
    const found = markAt(mark, path);
    const isWanted = part === "key" || found.children !== undefined;
    return formatPosition(label, (isWanted ? found.keyPosition : undefined) ?? found.position);
  };
  const source = (path: readonly PropertyKey[]): string | undefined => markAt(mark, path).source;
  return { layer: { value: value ?? {}, where, source }, problems: [] };
}

/**
 * Checks a map whose values become texts (`env`, `labels`): numbers and booleans count only when they are written the
 * way they would be printed, and words that YAML readers disagree about must stand in quotes.
 */
export function checkTexts(layer: Layer, path: readonly PropertyKey[]): readonly Problem[] {
  const map = valueAt(layer.value, path);
  if (typeof map !== "object" || map === null || Array.isArray(map)) return [];
  return Object.entries(map).flatMap(([key, value]) => {
    const place = [...path, key];
    const source = layer.source?.(place);
    const why = source === undefined ? undefined : misreading(value, source);
    if (why === undefined) return [];
    const message = `${place.join(".")}: ${why} Write it in quotes: "${source}".`;
    return [{ where: layer.where(place), message }];
  });
}

function misreading(value: unknown, source: string): string | undefined {
  if (value === null) return source === "" ? undefined : `YAML reads ${source} as no value.`;
  if (typeof value === "number" || typeof value === "boolean") {
    if (String(value) === source) return undefined;
    return `YAML reads ${source} as ${String(value)}.`;
  }
  if (/^(?:yes|no|on|off)$/i.test(source)) {
    return `Some YAML readers take ${source} for true or false.`;
  }
  if (/^\d{4}-\d\d?-\d\d?(?:[Tt\s].{0,40})?$/.test(source)) {
    return `Some YAML readers take ${source} for a date.`;
  }
  const isOldNumber = /^[-+]?(?:0b[01_]+|\d[\d_]*_[\d_]*|\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?)$/.test(
    source,
  );
  return isOldNumber ? `Some YAML readers take ${source} for a number.` : undefined;
}
