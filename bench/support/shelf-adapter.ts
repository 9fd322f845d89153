// An adapter for the benchmark `plan-offers`: its platforms offer what a file says, rent nothing, and hold for a day.
import { readFile } from "node:fs/promises";
import { defineAdapter } from "@gpujob/adapter-kit";
import { contractVersion, PlatformError } from "@gpujob/spec";
import type { Offer } from "@gpujob/spec";
import { z } from "zod";

const refuse = async (): Promise<never> => {
  throw new PlatformError("unsupported_request", "A shelf rents nothing.", { scope: "platform" });
};

// oxlint-disable-next-line import/no-default-export -- what an adapter package is
export default defineAdapter({
  id: "shelf",
  title: "Shelf",
  contractVersion,
  configSchema: z.strictObject({ file: z.string() }),
  capabilities: { release: "api", markets: ["on-demand", "spot"], offersFreshMs: 86_400_000 },
  create: ({ file }, { clock }) => ({
    async listOffers() {
      // Written by the benchmark alone.
      const offers: readonly Offer[] = JSON.parse(await readFile(file, "utf8"));
      const observedAt = new Date(clock.now()).toISOString();
      return offers.map((offer) => ({ ...offer, observedAt }));
    },
    createLease: refuse,
    getLease: refuse,
    listLeases: refuse,
    releaseLease: refuse,
    classify: () => ({ kind: "unavailable", scope: "call" }),
  }),
});
