// Bundles are split by file: whoever imports one name of a package's index.ts would load all that anyone imports from it.
// Our indexes list their exports one by one, so a named import can be sent to the file that has it.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const imports = /import\s+(type\s+)?\{([^}]*)\}\s+from\s+"(@gpujob\/[\w-]+)";/g;

/**
 * Sends named imports of our packages to the files that export the names.
 *
 * @param {(name: string) => string} findIndex The index.ts of a package.
 * @returns {import("rolldown").Plugin}
 */
export function directImports(findIndex) {
  /** @type {Map<string, Map<string, { file: string, name: string }>>} */
  const indexes = new Map();
  /** @param {string} name */
  const exportsOf = (name) => {
    const known = indexes.get(name) ?? readIndex(findIndex(name), exportsOf);
    indexes.set(name, known);
    return known;
  };
  return {
    name: "direct-imports",
    transform: {
      filter: { id: /(?:packages|adapters)\/[\w-]+\/src\/.*\.ts$/ },
      handler: (source) =>
        source.replace(imports, (_all, isType, names, from) =>
          isType ? "" : redirect(names, from, exportsOf(from)),
        ),
    },
  };
}

/**
 * @param {string} names
 * @param {string} from
 * @param {Map<string, { file: string, name: string }>} known
 */
function redirect(names, from, known) {
  return names
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "" && !word.startsWith("type "))
    .map((word) => {
      const [name = "", local = name] = word.split(/\s+as\s+/);
      const target = known.get(name);
      if (target === undefined) return `import { ${word} } from ${JSON.stringify(from)};`;
      return `import { ${target.name} as ${local} } from ${JSON.stringify(target.file)};`;
    })
    .join(" ");
}

/**
 * @param {string} index
 * @param {(name: string) => Map<string, { file: string, name: string }>} exportsOf
 */
function readIndex(index, exportsOf) {
  /** @type {Map<string, { file: string, name: string }>} */
  const names = new Map();
  const source = existsSync(index) ? readFileSync(index, "utf8") : "";
  for (const [, list = "", from = ""] of source.matchAll(
    /export\s+\{([^}]*)\}\s+from\s+"(\.[^"]+|@gpujob\/[\w-]+)";/g,
  )) {
    for (const word of list.split(",").map((each) => each.trim())) {
      const [name = "", exported = name] = word.split(/\s+as\s+/);
      if (name === "" || name.startsWith("type ")) continue;
      const target = from.startsWith(".")
        ? { file: join(dirname(index), from), name }
        : exportsOf(from).get(name);
      if (target !== undefined) names.set(exported, target);
    }
  }
  return names;
}
