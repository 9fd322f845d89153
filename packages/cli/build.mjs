// Bundles the command: one file for what every call loads, one for the library, one for planning, and one lazy chunk for
// each platform and each command that needs more. Types are checked by `tsc -b`.
import { rolldown } from "rolldown";
import { directImports } from "./build-direct-imports.mjs";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** @param {string} path */
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// CommonJS packages inside an ES module may look for where they stand.
const banner = "const __filename = import.meta.filename, __dirname = import.meta.dirname;";

/**
 * zod brings its messages in fifty languages, and the program speaks one. It compiles a schema at its first use, which
 * pays after hundreds of values, and a command reads one or two with each.
 *
 * @type {import("rolldown").Plugin}
 */
const lessZod = {
  name: "less-zod",
  load: {
    filter: { id: /zod\/v4\/(?:locales\/index|core\/core)\.js$/ },
    handler: (path) => {
      if (path.endsWith("index.js")) return 'export { default as en } from "./en.js";';
      const setting = "globalConfig = globalThis.__zod_globalConfig";
      const contents = readFileSync(path, "utf8");
      if (!contents.includes(setting)) throw new Error(`${path} has no ${setting}.`);
      return contents.replace(setting, "globalConfig = { jitless: true }");
    },
  },
};

/** What is loaded together is one file: to find, read and link another one costs as much as a good deal of code. */
const together = [
  { name: "main", root: here("src/main.ts") },
  { name: "sdk", root: here("../sdk/src/index.ts") },
  { name: "planning", root: here("../sdk/src/planning.ts") },
];

/** @type {Map<string, ReadonlySet<string>>} */
const reached = new Map();

/**
 * The files that one loads when it is loaded itself.
 *
 * @param {string} root
 * @param {import("rolldown").ChunkingContext} context
 */
function filesOf(root, context) {
  const known = reached.get(root);
  if (known !== undefined) return known;
  /** @type {Set<string>} */
  const files = new Set();
  const pending = [root];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (files.has(id)) continue;
    files.add(id);
    pending.push(...(context.getModuleInfo(id)?.importedIds ?? []));
  }
  reached.set(root, files);
  return files;
}

const bundle = await rolldown({
  input: {
    main: here("src/main.ts"),
    // A simulated machine is kept by a process of its own, which its adapter looks for under this name.
    "mock-keeper": here("../../adapters/mock/src/machine/keeper.ts"),
  },
  platform: "node",
  resolve: { conditionNames: ["@gpujob/source", "node", "import"] },
  transform: { target: "node24.15" },
  // ssh2 tries native helpers and goes on without them; oclif looks for a compiler only in development.
  external: ["cpu-features", /\.node$/, "typescript"],
  plugins: [
    lessZod,
    directImports((name) => here(`../${name.replace("@gpujob/", "")}/src/index.ts`)),
  ],
});
const { output } = await bundle.generate({
  format: "esm",
  banner,
  chunkFileNames: "chunks/[name]-[hash].js",
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  comments: false,
  codeSplitting: {
    groups: [
      // A group takes what its files import with them, so that the smaller one comes first.
      ...together.map(({ name, root }, index) => ({
        /** @type {import("rolldown").CodeSplittingNameFunction} */
        name: (id, context) => (filesOf(root, context).has(id) ? name : null),
        debugName: name,
        priority: together.length - index,
      })),
      // What only adapters share is little.
      { name: "kit", test: (id) => id.startsWith(here("../adapter-kit/src/")), priority: 0 },
    ],
  },
});
await bundle.close();

/**
 * Takes Node's own modules as they are. Importing one makes a copy of all its exports, for which Node loads what stands
 * behind them: HTTP clients, workers and streams that nobody uses.
 *
 * @param {string} code
 */
function takeBuiltins(code) {
  return code.replace(
    /\bimport(?: ([\w$]+) |\*as ([\w$]+) |\{([^}]*)\})from"(node:[\w/]+)";/g,
    (all, whole, space, names, name) => {
      // Only an import knows a default.
      if (names?.includes("default") === true) return all;
      const taken = `process.getBuiltinModule("${name}")`;
      return names === undefined
        ? `const ${whole ?? space}=${taken};`
        : `const{${names.replaceAll(" as ", ":")}}=${taken};`;
    },
  );
}

// Nothing of the last build is touched before this one has succeeded.
const files = output.map((file) => ({
  path: join(here("dist"), file.fileName),
  contents: file.type === "chunk" ? takeBuiltins(file.code) : file.source,
}));
for (const { path, contents } of files) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, contents);
  renameSync(`${path}.new`, path);
}
const kept = new Set(files.map(({ path }) => path));
for (const name of readdirSync(here("dist/chunks"))) {
  const path = join(here("dist/chunks"), name);
  if (!kept.has(path)) rmSync(path);
}

const bytes = files.reduce((sum, { contents }) => sum + Buffer.byteLength(contents), 0);
console.log(`${files.length} files, ${Math.round(bytes / 1024)} KiB`);
