import { z } from "zod";
import type { Parts, Wait } from "./api.ts";
import { act, readAll } from "./api.ts";

const zonesSchema = z.object({
  ZoneInfo: z.array(z.object({ Region: z.string(), Zone: z.string() })).nullish(),
});

/** The zones of a region; none when it does not exist. */
export async function listZones(
  parts: Parts,
  region: string,
  wait: Wait,
): Promise<readonly string[]> {
  const answer = await act(
    parts,
    {
      operation: "listOffers",
      name: "DescribeCompShareSupportZone",
      parameters: { Region: region },
      schema: zonesSchema,
    },
    wait,
  );
  return (answer.ZoneInfo ?? []).flatMap(({ Region, Zone }) => (Region === region ? [Zone] : []));
}

const typeSchema = z.object({
  Name: z.string().min(1),
  Status: z.string(),
  // Memory in GB here; create and price count in MB.
  MachineSizes: z.array(
    z.object({
      Gpu: z.int().positive(),
      Collection: z.array(
        z.object({ Cpu: z.int().positive(), Memory: z.array(z.int().positive()) }),
      ),
    }),
  ),
  GraphicsMemory: z.object({ Value: z.number().positive() }).nullish(),
  Disks: z
    .array(
      z.object({ BootDisk: z.array(z.object({ MaximalSize: z.number().nullish() })).nullish() }),
    )
    .nullish(),
});

/** A kind of card with the sizes of machine that have it. */
export type InstanceType = z.infer<typeof typeSchema>;

const typesSchema = z.object({ AvailableInstanceTypes: z.array(typeSchema) });

export async function listTypes(
  parts: Parts,
  place: { readonly region: string; readonly zone: string },
  market: "uhost" | "spot",
  wait: Wait,
): Promise<readonly InstanceType[]> {
  const answer = await act(
    parts,
    {
      operation: "listOffers",
      name: "DescribeAvailableCompShareInstanceTypes",
      parameters: { Region: place.region, Zone: place.zone, InstanceType: market },
      schema: typesSchema,
    },
    wait,
  );
  return answer.AvailableInstanceTypes;
}

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

const detailSchema = z.object({ ChargeType: z.string(), Instance: z.number().positive() });

// The documentation calls the list PriceDetails, the vendor's SDK PriceDetail.
const priceSchema = z
  .object({
    PriceDetails: z.array(detailSchema).nullish(),
    PriceDetail: z.array(detailSchema).nullish(),
  })
  .transform((answer) => answer.PriceDetails ?? answer.PriceDetail ?? [])
  .refine((details) => details.length > 0, "there is no price in it");

/** A card costs between a few cents and some tens of CNY an hour; anything else is another unit. */
const highestPerCard = 200;
const lowestPerCard = 0.02;

/** CNY per hour of the whole machine by charging mode, with the account's discounts. */
export async function readPrices(
  parts: Parts,
  operation: string,
  size: Size,
  wait: Wait,
): Promise<ReadonlyMap<string, number>> {
  const isLikely = ({ Instance }: { readonly Instance: number }): boolean => {
    const perCard = Instance / size.cards;
    return perCard >= lowestPerCard && perCard <= highestPerCard;
  };
  const hourly = new Set(["Postpay", "Spot"]);
  const details = await act(
    parts,
    {
      operation,
      name: "GetCompShareInstanceUserPrice",
      parameters: {
        Region: size.region,
        Zone: size.zone,
        GpuType: size.type,
        GPU: size.cards,
        CPU: size.cpus,
        Memory: size.memoryGb * 1024,
      },
      schema: priceSchema
        .transform((all) => all.filter(({ ChargeType }) => hourly.has(ChargeType)))
        .refine((all) => all.every(isLikely), "a price is in another unit than CNY per hour"),
    },
    wait,
  );
  return new Map(details.map(({ ChargeType, Instance }) => [ChargeType, Instance]));
}

const capacitySchema = z.object({
  Specs: z.array(
    z.object({ Gpu: z.int(), Cpu: z.int(), Mem: z.number(), ResourceEnough: z.boolean() }),
  ),
});

/** Would the scheduler place such a machine now? `undefined`: there is no such size. */
export async function hasCapacity(
  parts: Parts,
  operation: string,
  order: Size & { readonly charge: ChargeType; readonly image: string; readonly diskGb: number },
  wait: Wait,
): Promise<boolean | undefined> {
  const answer = await act(
    parts,
    {
      operation,
      name: "CheckCompShareResourceCapacity",
      parameters: {
        Region: order.region,
        Zone: order.zone,
        GpuType: order.type,
        MachineType: "G",
        MinimalCpuPlatform: "Auto",
        CompShareImageId: order.image,
        ChargeType: order.charge,
        ...bootDisk(order.type, order.diskGb),
      },
      schema: capacitySchema,
    },
    wait,
  );
  const spec = answer.Specs.find(
    ({ Gpu, Cpu, Mem }) =>
      Gpu === order.cards &&
      Cpu === order.cpus &&
      (Mem === order.memoryGb || Mem === order.memoryGb * 1024),
  );
  return spec?.ResourceEnough;
}

/** The one disk that a machine must have; A800 takes another kind. */
export function bootDisk(
  type: string,
  gb: number,
): Readonly<Record<string, string | number | boolean>> {
  const kind = type === "A800" ? "CLOUD_RSSD" : "CLOUD_SSD";
  return { "Disks.0.IsBoot": true, "Disks.0.Type": kind, "Disks.0.Size": gb };
}

const imageSchema = z.object({
  CompShareImageId: z.string().min(1),
  Name: z.string(),
  Status: z.string(),
  Container: z.string().nullish(),
});

export type Image = z.infer<typeof imageSchema>;

const imagesSchema = z.object({
  ImageSet: z.array(imageSchema),
  TotalCount: z.int().nonnegative(),
});

/** The platform's own images whose name has this in it. */
export function listImages(
  parts: Parts,
  operation: string,
  { region, name }: { readonly region: string; readonly name: string },
  wait: Wait,
): Promise<readonly Image[]> {
  const idOf = (image: Image): string => image.CompShareImageId;
  return readAll(parts.context.platform, operation, idOf, async (offset) => {
    const parameters = {
      Region: region,
      ImageType: "System",
      Name: name,
      Limit: 100,
      Offset: offset,
    };
    const page = await act(
      parts,
      { operation, name: "DescribeCompShareImages", parameters, schema: imagesSchema },
      wait,
    );
    return { rows: page.ImageSet, total: page.TotalCount };
  });
}
