import { isAbsolute } from "node:path";
import { gpuVendors } from "@gpujob/spec";
import type { Money, OfferGpu } from "@gpujob/spec";
import { z } from "zod";
import type { MachineCharge, MachineView, StockedOffer } from "../market/market-api.ts";

// What a served market answers. Lenient as with any platform: only what is read, and no key is refused.

const moneySchema = z.object({
  currency: z.string(),
  micros: z.int(),
}) satisfies z.ZodType<Money>;

const time = z.int();

/** One machine. */
const machineSchema = z.object({
  leaseId: z.string().min(1),
  offerType: z.string(),
  tags: z.record(z.string(), z.string()),
  state: z.enum(["booting", "up", "ending", "ended"]),
  createdMs: time,
  billedFromMs: time.nullable(),
  endedMs: time.nullable(),
  isDiskLeft: z.boolean(),
  endReason: z.string().nullable(),
  endsMs: time,
  pricePerHour: moneySchema,
  notice: z.object({ endsMs: time, reason: z.string() }).nullable(),
}) satisfies z.ZodType<MachineView>;

const gpuSchema = z.object({
  vendor: z.enum(gpuVendors),
  model: z.string(),
  variant: z.string().exactOptional(),
  vramGib: z.number(),
  count: z.int(),
  interconnect: z.enum(["pcie", "nvlink", "nvswitch", "hccs", "unknown"]),
}) satisfies z.ZodType<OfferGpu>;

const priceSchema = z.object({
  perHour: moneySchema,
  billing: z.object({
    unitSeconds: z.number(),
    minimumSeconds: z.number(),
    mode: z.enum(["metered", "prepaid"]).exactOptional(),
    isBootBilled: z.boolean().exactOptional(),
  }),
  diskPerGibHour: moneySchema.exactOptional(),
  publicIpPerHour: moneySchema.exactOptional(),
  egressPerGib: moneySchema.exactOptional(),
  taxRate: z.number().exactOptional(),
  discount: z.number().exactOptional(),
  source: z.enum(["live", "sheet", "after-create"]),
});

const offerSchema = z.object({
  offer: z.object({
    offerId: z.string(),
    instanceType: z.string(),
    region: z.string(),
    zone: z.string().exactOptional(),
    country: z.string().exactOptional(),
    gpu: gpuSchema.exactOptional(),
    cpuCount: z.number().exactOptional(),
    memoryGib: z.number().exactOptional(),
    includedDiskGib: z.number().exactOptional(),
    maxDiskGib: z.number().exactOptional(),
    market: z.enum(["on-demand", "spot"]),
    price: priceSchema,
    fabric: z
      .object({
        kind: z.enum(["ethernet", "rdma"]),
        bandwidthGbps: z.number().exactOptional(),
      })
      .exactOptional(),
    maxNodes: z.int().exactOptional(),
    interruptionsPerHour: z.number().exactOptional(),
    bootSeconds: z.number().exactOptional(),
  }),
  stock: z.number().nullable(),
}) satisfies z.ZodType<StockedOffer>;

const chargeSchema = z.object({
  kind: z.enum(["compute", "disk"]),
  fromMs: time,
  toMs: time,
  amount: moneySchema,
}) satisfies z.ZodType<MachineCharge>;

export const offersAnswer = z.object({ offers: z.array(offerSchema) });
export const machineAnswer = z.object({ machine: machineSchema });
export const machinesAnswer = z.object({ machines: z.array(machineSchema) });
export const acceptedAnswer = z.object({ accepted: z.literal(true) });
export const chargesAnswer = z.object({ charges: z.array(chargeSchema) });
export const balanceAnswer = z.object({ balance: moneySchema });
/** The folder of the machines on the computer that serves them, which is this one. */
export const placeAnswer = z.object({ folder: z.string().refine(isAbsolute) });

/** How the market is asked for a machine. */
export const createSchema = z.strictObject({
  token: z.string().min(1),
  tags: z.record(z.string(), z.string()),
  offerType: z.string(),
  diskGib: z.number().min(0),
  endsMs: time,
});

/** How the end timer is moved. */
export const endSchema = z.strictObject({ endsMs: time });
