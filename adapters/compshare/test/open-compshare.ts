import { createTestContext } from "@gpujob/adapter-kit/testing";
import type { AdapterContext, Platform } from "@gpujob/spec";
import compshare from "../src/index.ts";
import type { FakeCompshare } from "./fake-compshare.ts";
import { privateKey, publicKey } from "./fake-compshare.ts";

/** The adapter as a user's configuration would make it, on the fake. */
export function openCompshare(
  fake: FakeCompshare,
  settings: object = {},
  over: Partial<AdapterContext> = {},
): { readonly platform: Platform; readonly config: object } {
  const config = {
    publicKey: { env: "COMPSHARE_PUBLIC_KEY" },
    privateKey: { env: "COMPSHARE_PRIVATE_KEY" },
    endpoint: fake.url,
    ...settings,
  };
  const secrets = { COMPSHARE_PUBLIC_KEY: publicKey, COMPSHARE_PRIVATE_KEY: privateKey };
  const context = createTestContext({ platform: "compshare", secrets, ...over });
  return { platform: compshare.create(compshare.configSchema.parse(config), context), config };
}
