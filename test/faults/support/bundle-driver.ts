import { join } from "node:path";
import { build } from "esbuild";

/**
 * Makes one program of `drive-many.ts` in a folder, as the command line is made: a driver that is started hundreds of times
 * must not spend its short life on reading sources.
 *
 * @returns the program's path.
 */
export async function bundleDriver(folder: string): Promise<string> {
  const here = import.meta.dirname;
  await build({
    entryPoints: [
      { in: join(here, "drive-many.ts"), out: "driver" },
      { in: join(here, "../../../adapters/mock/src/machine/keeper.ts"), out: "mock-keeper" },
    ],
    outdir: folder,
    chunkNames: "chunks/[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24.15",
    conditions: ["@gpujob/source"],
    banner: {
      // CommonJS packages in it expect these.
      js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
const __filename = import.meta.filename, __dirname = import.meta.dirname;`,
    },
    external: ["cpu-features", "*.node"],
    logLevel: "error",
  });
  return join(folder, "driver.js");
}
