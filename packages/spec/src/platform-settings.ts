import type { PlatformConfig } from "./config.ts";
import type { AdapterDefinition } from "./definition.ts";
import { checkLayer, formatPath, type Layer, throwProblems } from "./problems.ts";

/**
 * The settings of a configured platform as its adapter's schema makes them.
 * @throws `config_invalid` that lists every problem with file, line, column and the next step.
 */
export function parsePlatformSettings<Settings>(
  definition: Pick<AdapterDefinition<Settings>, "id" | "configSchema">,
  platform: PlatformConfig,
): Settings {
  const layer: Layer = {
    value: platform.settings,
    where: (path) => placeOf(path, platform),
    prefix: ["platforms", platform.name],
  };
  const { value, problems } = checkLayer(
    // A parsed value or problems: the wrapper tells a parsed `undefined` from none.
    () => definition.configSchema.transform((settings) => ({ settings })),
    layer,
  );
  throwProblems("config_invalid", problems, `These are settings of the adapter ${definition.id}.`);
  if (value === undefined) throw new Error("A schema gave neither a value nor a problem.");
  return value.settings;
}

function placeOf(path: readonly PropertyKey[], platform: PlatformConfig): string {
  for (let length = path.length; length > 0; length -= 1) {
    const place = platform.positions?.[formatPath(path.slice(0, length))];
    if (place !== undefined) return place;
  }
  return platform.origin;
}
