import { refuse } from "@gpujob/adapter-kit";
import { z } from "zod";
import type { Parts, Wait } from "./api.ts";
import { act, actOnPages } from "./api.ts";

/** One machine as it is ordered. */
export interface Size {
  readonly region: string;
  readonly zone: string;
  readonly type: string;
  readonly cards: number;
  readonly cpus: number;
  readonly memoryGb: number;
}

/** Charging modes; the platform's own default is a whole month, so that one is always sent. */
export type ChargeType = "Postpay" | "Spot";

/** A machine with what it is made from. */
export interface Order extends Size {
  readonly charge: ChargeType;
  readonly image: string;
  readonly diskGb: number;
}

/** A size as create and price take it. Memory is in MB there, in GB in the list of types. */
export function placeAndCard({ region, zone, type, cards, cpus, memoryGb }: Size) {
  const memory = memoryGb * 1024;
  return { Region: region, Zone: zone, GpuType: type, GPU: cards, CPU: cpus, Memory: memory };
}

/** The one disk that a machine must have; A800 takes another kind. */
export function bootDisk(
  type: string,
  gb: number,
): Readonly<Record<string, string | number | boolean>> {
  const kind = type === "A800" ? "CLOUD_RSSD" : "CLOUD_SSD";
  return { "Disks.0.IsBoot": true, "Disks.0.Type": kind, "Disks.0.Size": gb };
}

const zoneSchema = z.object({ Region: z.string(), Zone: z.string() });
const zonesSchema = z.object({ ZoneInfo: z.array(zoneSchema).nullish() });

/** The zones of a region; none when it does not exist. */
export async function listZones(
  parts: Parts,
  region: string,
  wait: Wait,
): Promise<readonly string[]> {
  const action = { operation: "listOffers", name: "DescribeCompShareSupportZone" };
  const parameters = { Region: region };
  const answer = await act(parts, { ...action, parameters, schema: zonesSchema }, wait);
  return (answer.ZoneInfo ?? []).flatMap(({ Region, Zone }) => (Region === region ? [Zone] : []));
}

const positive = z.int().positive();
const bootDiskSchema = z.object({ MaximalSize: z.number().nullish() });

const typeSchema = z.object({
  Name: z.string().min(1),
  Status: z.string(),
  MachineSizes: z.array(
    z.object({
      Gpu: positive,
      Collection: z.array(z.object({ Cpu: positive, Memory: z.array(positive) })),
    }),
  ),
  GraphicsMemory: z.object({ Value: z.number().positive() }).nullish(),
  Disks: z.array(z.object({ BootDisk: z.array(bootDiskSchema).nullish() })).nullish(),
});

/** A kind of card with the sizes of machine that have it. */
export type InstanceType = z.infer<typeof typeSchema>;

const typesSchema = z.object({ AvailableInstanceTypes: z.array(typeSchema) });

export async function listTypes(
  parts: Parts,
  place: Pick<Size, "region" | "zone">,
  market: "uhost" | "spot",
  wait: Wait,
): Promise<readonly InstanceType[]> {
  const action = { operation: "listOffers", name: "DescribeAvailableCompShareInstanceTypes" };
  const parameters = { Region: place.region, Zone: place.zone, InstanceType: market };
  const answer = await act(parts, { ...action, parameters, schema: typesSchema }, wait);
  return answer.AvailableInstanceTypes;
}

const detailSchema = z.object({ ChargeType: z.string(), Instance: z.number().positive() });

// The documentation calls the list PriceDetails, the vendor's SDK PriceDetail.
const priceSchema = z
  .object({
    PriceDetails: z.array(detailSchema).nullish(),
    PriceDetail: z.array(detailSchema).nullish(),
  })
  .transform((answer) => answer.PriceDetails ?? answer.PriceDetail ?? [])
  .refine((details) => details.length > 0, "there is no price in it")
  .transform((all) => all.filter(({ ChargeType }) => ["Postpay", "Spot"].includes(ChargeType)));

/** A card costs between a few cents and some tens of CNY an hour; anything else is another unit. */
const likelyPerCard = { least: 0.02, most: 200 };

/** CNY per hour of the whole machine by charging mode, with the account's discounts. */
export async function readPrices(
  parts: Parts,
  operation: string,
  size: Size,
  wait: Wait,
): Promise<ReadonlyMap<string, number>> {
  const schema = priceSchema.refine(
    (all) =>
      all.every(({ Instance }) => {
        const perCard = Instance / size.cards;
        return perCard >= likelyPerCard.least && perCard <= likelyPerCard.most;
      }),
    "a price is in another unit than CNY per hour",
  );
  const action = { operation, name: "GetCompShareInstanceUserPrice" };
  const details = await act(parts, { ...action, parameters: placeAndCard(size), schema }, wait);
  return new Map(details.map(({ ChargeType, Instance }) => [ChargeType, Instance]));
}

const specSchema = z.object({
  Gpu: z.int(),
  Cpu: z.int(),
  Mem: z.number(),
  ResourceEnough: z.boolean(),
});
const capacitySchema = z.object({ Specs: z.array(specSchema) });

/** Would the scheduler place such a machine now? `undefined`: there is no such size. */
export async function hasCapacity(
  parts: Parts,
  operation: string,
  order: Order,
  wait: Wait,
): Promise<boolean | undefined> {
  const { region, zone, type, cards, cpus, memoryGb } = order;
  const parameters = {
    Region: region,
    Zone: zone,
    GpuType: type,
    MachineType: "G",
    MinimalCpuPlatform: "Auto",
    CompShareImageId: order.image,
    ChargeType: order.charge,
    ...bootDisk(type, order.diskGb),
  };
  const action = { operation, name: "CheckCompShareResourceCapacity", parameters };
  const { Specs } = await act(parts, { ...action, schema: capacitySchema }, wait);
  // Which unit its memory has is not documented.
  const memories = [memoryGb, memoryGb * 1024];
  return Specs.find(({ Gpu, Cpu, Mem }) => Gpu === cards && Cpu === cpus && memories.includes(Mem))
    ?.ResourceEnough;
}

const imageSchema = z.object({
  CompShareImageId: z.string().min(1),
  Name: z.string(),
  Status: z.string(),
  Container: z.string().nullish(),
});

const imagesSchema = z
  .object({ ImageSet: z.array(imageSchema), TotalCount: z.int().nonnegative() })
  .transform(({ ImageSet: rows, TotalCount: total }) => ({ rows, total }));

/** The id of an image, by itself or by a part of its name; a container image before a virtual machine's. */
export async function findImage(
  parts: Parts,
  operation: string,
  { region, text }: { readonly region: string; readonly text: string },
  wait: Wait,
): Promise<string> {
  if (/^compshareImage-/i.test(text)) return text;
  const parameters = { Region: region, ImageType: "System", Name: text };
  const action = { operation, name: "DescribeCompShareImages", parameters, schema: imagesSchema };
  const idOf = (image: z.infer<typeof imageSchema>): string => image.CompShareImageId;
  const images = await actOnPages(parts, { ...action, idOf }, wait);
  const usable = images.filter(({ Status }) => Status === "Available");
  const image = usable.find(({ Container }) => Container === "True") ?? usable[0];
  if (image !== undefined) return image.CompShareImageId;
  throw refuse(
    { platform: parts.context.platform, operation },
    {
      kind: "unsupported_request",
      scope: "offer",
      what: `there is no image with ${text} in its name in ${region}`,
      hint: "Name an image of the console's list, or its id.",
    },
  );
}
