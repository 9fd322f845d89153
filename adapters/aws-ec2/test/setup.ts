import type { AdapterContext, Platform } from "@gpujob/spec";
import { createCloudDesk, createTestContext } from "@gpujob/adapter-kit/testing";
import type { CloudDesk } from "@gpujob/adapter-kit/testing";
import { onTestFinished } from "vitest";
import aws from "../src/index.ts";
import type { Emulator, EmulatorOptions } from "./emulator/emulator.ts";
import { startEmulator } from "./emulator/emulator.ts";
import { createVirtualMachines } from "./emulator/virtual-machine.ts";
import { keySettings, makeKeys } from "./keys.ts";

/** The adapter on an emulator of its own. */
export interface TestCloud extends CloudDesk {
  readonly emulator: Emulator;
  readonly platform: Platform;
  /** The same cloud, configured otherwise. */
  readonly another: (config: object, context?: Partial<AdapterContext>) => Platform;
}

export const wait = { signal: new AbortController().signal };

export async function startCloud(
  options: Partial<EmulatorOptions> & { readonly config?: object } = {},
): Promise<TestCloud> {
  const keys = makeKeys();
  const emulator: Emulator = await startEmulator({ keys, ...options });
  const virtual = createVirtualMachines(() => emulator);
  onTestFinished(async () => {
    await virtual.close();
    await emulator.close();
  });
  const another = (config: object, context: Partial<AdapterContext> = {}): Platform =>
    aws.create(
      aws.configSchema.parse({ ...keySettings, endpoint: emulator.url, ...config }),
      createTestContext({
        platform: "aws",
        connect: virtual.connect,
        secrets: { TEST_AWS_ID: keys.accessKeyId, TEST_AWS_KEY: keys.secretAccessKey },
        ...context,
      }),
    );
  const platform = another(options.config ?? {});
  return { emulator, platform, another, ...createCloudDesk(platform) };
}
