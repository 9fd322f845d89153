// Bundles the command: an entry for each process, one lazy chunk per command and per platform. Types are checked by `tsc -b`.
import { build } from "esbuild";
import { directImports } from "./build-direct-imports.mjs";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// CommonJS packages inside an ES module need a `require` of their own; one for Node's own modules costs nothing to make.
const banner = `import { createRequire as gpujobRequire } from "node:module";
const require = (name) => process.getBuiltinModule(name) ?? gpujobRequire(import.meta.url)(name);
const __filename = import.meta.filename, __dirname = import.meta.dirname;`;

/** @type {import("esbuild").Plugin} zod brings its messages in fifty languages; the program speaks one. */
const englishOnly = {
  name: "english-only",
  setup: (plugins) => {
    plugins.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
    }));
  },
};

/**
 * @type {import("esbuild").Plugin} zod compiles a schema at its first use, which pays after hundreds of values; a command
 * reads one or two with each.
 */
const interpretSchemas = {
  name: "interpret-schemas",
  setup: (plugins) => {
    plugins.onLoad({ filter: /zod\/v4\/core\/core\.js$/ }, ({ path }) => {
      const contents = readFileSync(path, "utf8");
      const setting = "globalConfig = globalThis.__zod_globalConfig";
      if (!contents.includes(setting)) throw new Error(`${path} has no ${setting}.`);
      return { contents: contents.replace(setting, "globalConfig = { jitless: true }") };
    });
  },
};

const result = await build({
  entryPoints: {
    main: here("src/main.ts"),
    // A simulated machine is kept by a process of its own, which its adapter looks for under this name.
    "mock-keeper": here("../../adapters/mock/src/machine/keeper.ts"),
  },
  outdir: here("dist"),
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24.15",
  conditions: ["@gpujob/source"],
  banner: { js: banner },
  // ssh2 tries native helpers and goes on without them; oclif looks for a compiler only in development.
  external: ["cpu-features", "*.node", "typescript"],
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  plugins: [
    englishOnly,
    interpretSchemas,
    directImports((name) => here(`../${name.replace("@gpujob/", "")}/src/index.ts`)),
  ],
  write: false,
  logLevel: "warning",
});

// Nothing of the last build is touched before this one has succeeded.
for (const { path, contents } of result.outputFiles) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, contents);
  renameSync(`${path}.new`, path);
}
const kept = new Set(result.outputFiles.map(({ path }) => path));
for (const name of readdirSync(here("dist/chunks"))) {
  const path = join(here("dist/chunks"), name);
  if (!kept.has(path)) rmSync(path);
}

const bytes = result.outputFiles.reduce((sum, { contents }) => sum + contents.byteLength, 0);
console.log(`${result.outputFiles.length} files, ${Math.round(bytes / 1024)} KiB`);
