import type { AdapterContext, LeaseRequest, Offer, Platform } from "@gpujob/spec";
import { createTestContext } from "@gpujob/adapter-kit/testing";
import { onTestFinished } from "vitest";
import aws from "../src/index.ts";
import type { Emulator, EmulatorOptions } from "./emulator/emulator.ts";
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
