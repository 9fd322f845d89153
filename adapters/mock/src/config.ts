import { z } from "zod";
import { faultSchema } from "./config/fault-schema.ts";
import { amount, duration } from "./config/fields.ts";
import { offerSchema } from "./config/offer-schema.ts";

/** The platform's entry in the configuration, without `adapter`. */
export const mockConfigSchema = z
  .strictObject({
    offers: z.array(offerSchema).min(1),
    boot: duration.default(0),
    balance: amount.exactOptional(),
    faults: z.array(faultSchema).default([]),
    // Of a market that is served over HTTP.
    endpoint: z.url({ protocol: /^https?$/ }).exactOptional(),
  })
  .superRefine(({ offers, faults }, issues) => {
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
