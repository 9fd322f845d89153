import { secretReferenceSchema } from "@gpujob/spec";
import { z } from "zod";
import { faultSchema } from "./config/fault-schema.ts";
import { amount, duration } from "./config/fields.ts";
import { offerSchema } from "./config/offer-schema.ts";

const randomSchema = z.union([
  z.number().gt(0).max(1),
  z.strictObject({ rate: z.number().gt(0).max(1), leases: z.number().min(0).max(1) }),
]);

/** What belongs to the market itself and not to a client of it; `undefined`: nothing of it is given. */
export function findOwnKey(config: MockConfig): string | undefined {
  return isGiven(config, ["offers", "faults", "balance", "random"]);
}

function isGiven<Key extends string>(
  config: { readonly [Name in Key]?: unknown },
  keys: readonly Key[],
): Key | undefined {
  return keys.find((key) => {
    const value = config[key];
    return value !== undefined && !(Array.isArray(value) && value.length === 0);
  });
}

/** The platform's entry in the configuration, without `adapter`. */
export const mockConfigSchema = z
  .strictObject({
    offers: z.array(offerSchema).default([]),
    boot: duration.default(0),
    balance: amount.exactOptional(),
    faults: z.array(faultSchema).default([]),
    random: randomSchema.exactOptional(),
    seed: z.int().min(0).default(1),
    // Of a market that `gpujob mock serve` serves over HTTP; it has all of the above itself.
    endpoint: z.url({ protocol: /^https?$/ }).exactOptional(),
    token: secretReferenceSchema.exactOptional(),
    timeout: duration.exactOptional(),
  })
  .superRefine((config, issues) => {
    const { offers, faults, endpoint } = config;
    const served = endpoint === undefined ? isGiven(config, ["token", "timeout"]) : undefined;
    if (served !== undefined) {
      const message = `${served} is for a market that is served: give its endpoint as well.`;
      issues.addIssue({ code: "custom", path: [served], message });
    }
    if (endpoint === undefined && offers.length === 0) {
      const message =
        "Say what can be rented, such as [{ type: a, gpu: RTX4090, price: 1 CNY/h }].";
      issues.addIssue({ code: "custom", path: ["offers"], message });
    }
    const types = offers.map(({ type }) => type);
    for (const [index, type] of types.entries()) {
      if (types.indexOf(type) === index) continue;
      const message = `Two offers have the type ${type}. Give each a type of its own.`;
      issues.addIssue({ code: "custom", path: ["offers", index, "type"], message });
    }
    for (const [index, { offer }] of faults.entries()) {
      if (offer === undefined || types.includes(offer)) continue;
      const message = `No offer has the type ${offer}. Use one of: ${types.join(", ")}.`;
      issues.addIssue({ code: "custom", path: ["faults", index, "offer"], message });
    }
  });

/** The configuration after parsing: quantities in our units. */
export type MockConfig = z.output<typeof mockConfigSchema>;
