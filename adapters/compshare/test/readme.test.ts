import { readFile } from "node:fs/promises";
import { resolveGpuName } from "@gpujob/catalog";
import { parseConfigFile } from "@gpujob/spec";
import { it } from "vitest";
import { z } from "zod";
import compshare from "../src/index.ts";

const platformsSchema = z.object({
  platforms: z.record(z.string(), z.looseObject({ adapter: z.literal("compshare") })),
});

it("shows a configuration that can be used", async ({ expect }) => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const text = /```yaml\n([^]*?)```/.exec(readme)?.[1] ?? "";
  const layer = parseConfigFile({ text, path: "/home/config.yaml", resolveName: resolveGpuName });
  const { platforms } = platformsSchema.parse(layer.written.value);
  expect(Object.keys(platforms).length).toBeGreaterThan(0);
  for (const { adapter: _adapter, ...settings } of Object.values(platforms)) {
    expect(compshare.configSchema.safeParse(settings).error).toBeUndefined();
  }
});
