import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { describe, it } from "vitest";

const here = fileURLToPath(new URL(".", import.meta.url));

/** Uses the adapter from a chunk, as the command line does. */
const program = `
const { default: adapter, stopAllMachines } = await import("${here}../src/index.ts");
const { newRequest, untilState } = await import("${here}market-fixture.ts");
const stateFolder = process.argv[2];
const config = adapter.configSchema.parse({ offers: [{ type: "a", gpu: "4090", price: 1 }] });
const platform = adapter.create(config, {
  platform: "cheap", stateFolder, currency: "CNY", newId: () => "bundled00001",
  clock: { now: Date.now, monotonic: () => performance.now(), sleep: async () => {} },
});
const { leaseId } = await platform.createLease(await newRequest(platform), {
  signal: AbortSignal.timeout(20_000),
});
await untilState(platform, leaseId, "up");
console.log("up", await stopAllMachines(stateFolder));
`;

describe("the keeper in a bundle", () => {
  it("is found as mock-keeper.js above the chunks", { timeout: 60_000 }, async ({ expect }) => {
    const folder = await mkdtemp(join(tmpdir(), "gpujob-mock-bundle-"));
    try {
      await writeFile(join(folder, "main.ts"), program);
      await writeFile(join(folder, "package.json"), `{ "type": "module" }`);
      await build({
        entryPoints: [
          { in: join(folder, "main.ts"), out: "main" },
          { in: join(here, "../src/machine/keeper.ts"), out: "mock-keeper" },
        ],
        outdir: join(folder, "dist"),
        chunkNames: "chunks/[hash]",
        bundle: true,
        splitting: true,
        format: "esm",
        platform: "node",
        conditions: ["@gpujob/source"],
        external: ["vitest"],
        banner: {
          js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
        },
        logLevel: "error",
      });
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [join(folder, "dist/main.js"), join(folder, "state")],
        { timeout: 30_000 },
      );
      expect(stdout.trim()).toBe("up 1");
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  });
});
