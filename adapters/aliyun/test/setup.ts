import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { AdapterContext, Platform } from "@gpujob/spec";
import { createCloudDesk, createTestContext } from "@gpujob/adapter-kit/testing";
import type { CloudDesk } from "@gpujob/adapter-kit/testing";
import { afterAll, onTestFinished } from "vitest";
import aliyun from "../src/index.ts";
import type { Keys } from "./emulator/acs3.ts";
import type { Emulator, EmulatorOptions } from "./emulator/emulator.ts";
import { loadRsaKey, rsaKeyPath } from "../src/ssh-key.ts";
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

let made: Promise<string> | undefined;

/** One key for all: to make one takes longer than most tests. */
function usualKey(): Promise<string> {
  made ??= mkdtemp(join(tmpdir(), "gpujob-aliyun-key-"))
    .then(loadRsaKey)
    .then(({ path }) => path);
  return made;
}

afterAll(async () => {
  if (made !== undefined) await rm(dirname(await made), { recursive: true, force: true });
});

export const wait = { signal: new AbortController().signal };

export async function startCloud(
  options: Partial<EmulatorOptions> & { readonly config?: object } = {},
): Promise<TestCloud> {
  const keys: Keys = options.keys ?? makeKeys();
  const emulator: Emulator = await startEmulator({ keys, ...options });
  const virtual = createVirtualMachines(() => emulator);
  const stateFolder = await mkdtemp(join(tmpdir(), "gpujob-aliyun-"));
  await copyFile(await usualKey(), rsaKeyPath(stateFolder));
  onTestFinished(async () => {
    await virtual.close();
    await emulator.close();
    await rm(stateFolder, { recursive: true, force: true });
  });
  const another = (config: object, context: Partial<AdapterContext> = {}): Platform =>
    aliyun.create(
      aliyun.configSchema.parse({ ...keySettings, endpoint: emulator.url, ...config }),
      createTestContext({
        platform: "aliyun",
        stateFolder,
        connect: virtual.connect,
        secrets: {
          TEST_ALIYUN_ID: keys.accessKeyId,
          TEST_ALIYUN_KEY: keys.accessKeySecret,
          TEST_ALIYUN_TOKEN: keys.securityToken ?? "another session",
        },
        ...context,
      }),
    );
  const platform = another(options.config ?? {});
  return { emulator, platform, another, ...createCloudDesk(platform) };
}
