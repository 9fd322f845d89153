import type { AccountTerms } from "./account.ts";
import type { PlatformRating } from "./rating.ts";
import type { PlatformConfig, Timeouts } from "./config.ts";
import type { ConfigLayer } from "./config-file.ts";
import { withLocalSecrets } from "./job-merge.ts";
import { itemsOf, mapEntries } from "./plain-data.ts";
import type { Problem } from "./position.ts";
import { formatPath, throwProblems, valueAt } from "./problems.ts";

/**
 * Merges the entries under `platforms`, layers strongest first, and notes in `origins` where each key came from.
 * @throws `config_invalid` for a platform that no layer gives an adapter.
 */
export function mergePlatforms(
  layers: readonly ConfigLayer[],
  origins: Map<string, string>,
): readonly PlatformConfig[] {
  const namesOf = (layer: ConfigLayer): readonly string[] =>
    Object.keys(layer.values.platforms ?? {});
  const names = [...new Set(layers.toReversed().flatMap(namesOf))];
  const merged = names.map((name) => mergePlatform(name, layers, origins));
  const problems: readonly Problem[] = merged
    .filter((platform) => platform.adapter === "")
    .map(({ name, origin }) => ({
      where: origin,
      message: `platforms.${name} has no adapter. Add \`adapter:\`, such as autodl or ssh-host.`,
    }));
  throwProblems("config_invalid", problems);
  return merged;
}

/** What is not for the adapter. */
const ownKeys: ReadonlySet<string> = new Set(["adapter", "timeouts", "account", "rating"]);

function mergePlatform(
  name: string,
  layers: readonly ConfigLayer[],
  origins: Map<string, string>,
): PlatformConfig {
  const path = ["platforms", name];
  const { adapter, holders } = holdersOf(name, layers);
  let settings: Readonly<Record<string, unknown>> = {};
  let positions: Readonly<Record<string, string>> = {};
  let timeouts: Partial<Timeouts> = {};
  let account: AccountTerms | undefined;
  let rating: PlatformRating | undefined;
  for (const layer of holders.toReversed()) {
    const own = layer.values.platforms?.[name];
    timeouts = { ...timeouts, ...own?.timeouts };
    if (own?.account !== undefined) account = { ...account, ...own.account };
    if (own?.rating !== undefined) rating = { ...rating, ...own.rating };
    for (const [key, value] of mapEntries(valueAt(layer.written.value, path))) {
      origins.set(formatPath([...path, key]), layer.written.where([...path, key]));
      if (ownKeys.has(key)) continue;
      settings = { ...settings, [key]: withLocalSecrets(value, layer) };
      positions = { ...without(positions, key), ...positionsOf(value, [key], path, layer) };
    }
  }
  const origin = holders[0]?.written.where(path) ?? name;
  return {
    name,
    adapter,
    settings,
    timeouts,
    origin,
    positions,
    ...(account === undefined ? {} : { account }),
    ...(rating === undefined ? {} : { rating }),
  };
}

/** The layers that speak of a platform, down to the first that means another adapter by the same name. */
function holdersOf(
  name: string,
  layers: readonly ConfigLayer[],
): { readonly adapter: string; readonly holders: readonly ConfigLayer[] } {
  const adapterOf = (layer: ConfigLayer): string | undefined =>
    layer.values.platforms?.[name]?.adapter;
  const holders = layers.filter((layer) => Object.hasOwn(layer.values.platforms ?? {}, name));
  const adapter = holders.map(adapterOf).find((one) => one !== undefined) ?? "";
  const other = holders.findIndex((layer) => (adapterOf(layer) ?? adapter) !== adapter);
  return { adapter, holders: other === -1 ? holders : holders.slice(0, other) };
}

function without(
  positions: Readonly<Record<string, string>>,
  key: string,
): Readonly<Record<string, string>> {
  const isOf = (path: string): boolean =>
    path === key || path.startsWith(`${key}.`) || path.startsWith(`${key}[`);
  return Object.fromEntries(Object.entries(positions).filter(([path]) => !isOf(path)));
}

function positionsOf(
  value: unknown,
  path: readonly PropertyKey[],
  above: readonly PropertyKey[],
  layer: ConfigLayer,
): Readonly<Record<string, string>> {
  const inner = itemsOf(value).map(([key, item]) =>
    positionsOf(item, [...path, key], above, layer),
  );
  const own = { [formatPath(path)]: layer.written.where([...above, ...path], "key") };
  return Object.assign(own, ...inner);
}
