import type { HttpClient } from "@gpujob/adapter-kit";
import { createHttpClient } from "@gpujob/adapter-kit";
import type { AdapterContext } from "@gpujob/spec";
import { z } from "zod";
import type { GpugeekConfig } from "./config.ts";
import { gpugeekErrors } from "./errors.ts";

type Wait = { readonly signal: AbortSignal };

// `code` 0 is success, and every other one a failure inside HTTP 200 — https://gpugeek.com/docs/openapi (2026)
const envelopeSchema = z.object({
  code: z.number(),
  message: z.string().nullish(),
  traceid: z.string().nullish(),
});
const typesSchema = z.object({ data: z.object({ gpus: z.array(z.string().min(1)) }) });

export function createGpugeekClient(config: GpugeekConfig, context: AdapterContext): HttpClient {
  return createHttpClient({
    platform: context.platform,
    endpoint: config.endpoint,
    fetch: context.fetch,
    clock: context.clock,
    credentials: async () => ({ key: await context.resolveSecret(config.key) }),
    headers: ({ key }) => ({ "gz-api-token": key }),
    errors: gpugeekErrors,
    readFailure({ status, body }) {
      const envelope = envelopeSchema.safeParse(body);
      if (!envelope.success) return status < 400 ? undefined : { status };
      const { code, message, traceid } = envelope.data;
      if (code === 0 && status < 400) return undefined;
      return {
        code,
        status,
        ...(typeof message === "string" ? { text: message } : {}),
        ...(typeof traceid === "string" ? { requestId: traceid } : {}),
      };
    },
  });
}

/** Names of the cards that the account may rent, such as `RTX 4090`; neither stock nor prices. */
export async function listTypes(client: HttpClient, wait: Wait): Promise<readonly string[]> {
  const path = "/api/v1/open-api/gpu/list";
  const { data } = await client.request(
    { operation: "listOffers", path, schema: typesSchema },
    wait,
  );
  return [...new Set(data.gpus)];
}
