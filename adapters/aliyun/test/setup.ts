import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { AdapterContext, LeaseRequest, Offer, Platform } from "@gpujob/spec";
import { createTestContext } from "@gpujob/adapter-kit/testing";
import { afterAll, onTestFinished } from "vitest";
import aliyun from "../src/index.ts";
import type { Keys } from "./emulator/acs3.ts";
import type { Emulator, EmulatorOptions } from "./emulator/emulator.ts";
import { loadRsaKey, rsaKeyPath } from "../src/ssh-key.ts";
import { startEmulator } from "./emulator/emulator.ts";
import { createVirtualMachines } from "./emulator/virtual-machine.ts";
import { keySettings, makeKeys } from "./keys.ts";

/** The adapter on an emulator of its own. */
export interface TestCloud {
  readonly emulator: Emulator;
  readonly platform: Platform;
  /** The same cloud, configured otherwise. */
  readonly another: (config: object, context?: Partial<AdapterContext>) => Platform;
  readonly findOffer: (offerId: string) => Promise<Offer>;
  readonly request: (offer: Offer, over?: Partial<LeaseRequest>) => LeaseRequest;
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
  let count = 0;
  return {
    emulator,
    platform,
    another,
    async findOffer(offerId) {
      const offers = await platform.listOffers({}, wait);
      const offer = offers.find((one) => one.offerId === offerId);
      if (offer === undefined) throw new Error(`${offerId} is not among the offers.`);
      return offer;
    },
    request(offer, over = {}) {
      count += 1;
      const endsAtMs = Date.now() + 3_600_000;
      return {
        leaseKey: `lease${count}`.padEnd(32, "0"),
        ownership: {
          installation: "testinst",
          run: `run${count}`,
          attempt: 1,
          member: 0,
          expires: Math.floor(endsAtMs / 1000),
        },
        offer,
        nodes: 1,
        diskGib: 20,
        sshPublicKey: `ssh-ed25519 ${"A".repeat(68)} test`,
        endsAt: new Date(endsAtMs).toISOString(),
        ...over,
      };
    },
  };
}

/** Asks for release until it is said to be done. */
export async function releaseFully(platform: Platform, leaseId: string): Promise<void> {
  for (let asks = 0; asks < 500; asks++) {
    if ((await platform.releaseLease(leaseId, wait)).state === "released") return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`${leaseId} was never released.`);
}

/** Looks until the machine is up. */
export async function untilUp(platform: Platform, leaseId: string): Promise<void> {
  for (let looks = 0; looks < 500; looks++) {
    if ((await platform.getLease(leaseId, wait))?.state === "up") return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`${leaseId} never came up.`);
}
