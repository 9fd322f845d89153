import { z } from "zod";
import { cards, hourlyPrice, positive, size, wholeSeconds } from "./fields.ts";

const billingSchema = z
  .strictObject({
    unit: wholeSeconds
      .refine((ms) => ms > 0, "The unit must be longer than nothing.")
      .exactOptional(),
    minimum: wholeSeconds.exactOptional(),
    mode: z.enum(["metered", "prepaid"]).exactOptional(),
    boot: z.boolean().exactOptional(),
  })
  .transform(({ unit = 1000, minimum = 0, mode = "metered", boot = true }) => ({
    unitSeconds: unit / 1000,
    minimumSeconds: minimum / 1000,
    mode,
    isBootBilled: boot,
  }));

/** One entry of `offers`. */
export const offerSchema = z
  .strictObject({
    type: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "Use letters, digits, '.', '_', '-'."),
    gpu: cards.exactOptional(),
    interconnect: z.enum(["pcie", "nvlink", "nvswitch", "hccs", "unknown"]).default("unknown"),
    price: hourlyPrice,
    market: z.enum(["on-demand", "spot"]).default("on-demand"),
    stock: z.int().min(0).exactOptional(),
    billing: billingSchema.prefault({}),
    region: z.string().min(1).default("local"),
    zone: z.string().min(1).exactOptional(),
    country: z
      .string()
      .regex(/^[a-z]{2}$/, "Write two small letters, such as cn.")
      .exactOptional(),
    cpu: positive.exactOptional(),
    memory: size.exactOptional(),
    disk: size.exactOptional(),
    maxDisk: size.exactOptional(),
    diskPrice: hourlyPrice.exactOptional(),
    discount: z.number().gt(0).max(1).exactOptional(),
    interruptionsPerHour: z.number().min(0).exactOptional(),
    maxNodes: positive.default(16),
    bootSeconds: z.number().min(0).exactOptional(),
  })
  .transform(({ gpu, interconnect, ...offer }) => ({
    ...offer,
    ...(gpu === undefined ? {} : { gpu: { ...gpu, interconnect } }),
  }));

/** An offer as written, quantities in our units. */
export type WrittenOffer = z.output<typeof offerSchema>;
