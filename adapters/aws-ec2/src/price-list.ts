import { createHttpClient, omitUndefined } from "@gpujob/adapter-kit";
import { PlatformError, Secret } from "@gpujob/spec";
import { z } from "zod";
import type { Parts, Wait } from "./api.ts";
import { awsErrors } from "./errors.ts";
import { sheet } from "./price-sheet.ts";
import { currencyOf, isChina } from "./regions.ts";
import { signRequest } from "./sign.ts";

/** On-demand prices of one region by instance type, in the region's currency per hour. */
export interface PriceList {
  readonly perHour: ReadonlyMap<string, number>;
  readonly source: "live" | "sheet";
  /** ISO-8601 UTC. */
  readonly observedAt: string;
  /** Why types may be without a price. */
  readonly problem?: string;
}

/** The price list is one service for all regions of a partition — https://docs.aws.amazon.com/awsaccountbilling (2026-11) */
const service = "pricing";

/** The prices that AWS names now; where it cannot be asked, the dated sheet of its one region. */
export async function readPrices(parts: Parts, region: string, wait: Wait): Promise<PriceList> {
  const observedAt = new Date(parts.context.clock.now()).toISOString();
  try {
    return { perHour: await askPrices(parts, region, wait), source: "live", observedAt };
  } catch (error) {
    if (!PlatformError.is(error) || error.kind === "aborted") throw error;
    const known = region === sheet.region ? Object.entries(sheet.perHour) : [];
    const problem = error.message;
    return { perHour: new Map(known), source: "sheet", observedAt: sheet.observedAt, problem };
  }
}

const productSchema = z.object({
  product: z.object({ attributes: z.object({ instanceType: z.string() }) }),
  terms: z.object({
    OnDemand: z
      .record(
        z.string(),
        z.object({
          priceDimensions: z.record(
            z.string(),
            z.object({ unit: z.string(), pricePerUnit: z.record(z.string(), z.string()) }),
          ),
        }),
      )
      .nullish(),
  }),
});

const pageSchema = z.object({
  PriceList: z.array(z.string().transform((text): unknown => JSON.parse(text))).nullish(),
  NextToken: z.string().nullish(),
});

async function askPrices(
  parts: Parts,
  region: string,
  wait: Wait,
): Promise<ReadonlyMap<string, number>> {
  const read = createReader(parts, region, wait);
  const prices = new Map<string, number>();
  let NextToken: string | undefined;
  do {
    const page = await read(omitUndefined({ ...question(region), NextToken }));
    for (const entry of page.PriceList ?? []) {
      const { success, data } = productSchema.safeParse(entry);
      const price = success ? hourly(data, currencyOf(region)) : undefined;
      if (success && price !== undefined) prices.set(data.product.attributes.instanceType, price);
    }
    NextToken = page.NextToken ?? undefined;
  } while (NextToken !== undefined && NextToken !== "");
  return prices;
}

function hourly({ terms }: z.infer<typeof productSchema>, currency: string): number | undefined {
  const [price] = Object.values(terms.OnDemand ?? {})
    .flatMap(({ priceDimensions }) => Object.values(priceDimensions))
    .filter(({ unit }) => unit === "Hrs")
    .map(({ pricePerUnit }) => Number(pricePerUnit[currency]));
  return price !== undefined && price > 0 ? price : undefined;
}

function question(region: string): object {
  const wanted = {
    regionCode: region,
    instanceFamily: "GPU instance",
    operatingSystem: "Linux",
    tenancy: "Shared",
    preInstalledSw: "NA",
    capacitystatus: "Used",
    marketoption: "OnDemand",
  };
  const Filters = Object.entries(wanted).map(([Field, Value]) => ({
    Type: "TERM_MATCH",
    Field,
    Value,
  }));
  return { ServiceCode: "AmazonEC2", FormatVersion: "aws_v1", MaxResults: 100, Filters };
}

function createReader(
  { config, context, ec2 }: Parts,
  region: string,
  wait: Wait,
): (question: object) => Promise<z.infer<typeof pageSchema>> {
  const home = isChina(region) ? "cn-northwest-1" : "us-east-1";
  const domain = isChina(region) ? "amazonaws.com.cn" : "amazonaws.com";
  const client = createHttpClient({
    platform: context.platform,
    endpoint: config.endpoint ?? `https://api.pricing.${home}.${domain}`,
    fetch: context.fetch,
    clock: context.clock,
    errors: awsErrors,
    // A page of a hundred products has some hundred KB.
    maximumBodyBytes: 16 * 2 ** 20,
    credentials: async () => {
      const { accessKeyId, secretAccessKey, sessionToken } = await ec2.readKeys(
        region,
        "listOffers",
        wait,
      );
      const session = sessionToken === undefined ? {} : { sessionToken: new Secret(sessionToken) };
      return { id: new Secret(accessKeyId), key: new Secret(secretAccessKey), ...session };
    },
    sign: (request, keys: Readonly<Record<string, Secret>>) =>
      signRequest(request, {
        service,
        region: home,
        now: context.clock.now(),
        keys: {
          accessKeyId: keys["id"]?.reveal() ?? "",
          secretAccessKey: keys["key"]?.reveal() ?? "",
          ...(keys["sessionToken"] === undefined
            ? {}
            : { sessionToken: keys["sessionToken"].reveal() }),
        },
      }),
    readFailure: ({ status, body }) => (status < 400 ? undefined : { status, ...failureOf(body) }),
  });
  return (asked) =>
    client.request(
      {
        operation: "listOffers",
        method: "POST",
        path: "/",
        headers: { "x-amz-target": "AWSPriceListService.GetProducts" },
        body: { text: JSON.stringify(asked), contentType: "application/x-amz-json-1.1" },
        schema: pageSchema,
        isWrite: false,
      },
      wait,
    );
}

/** The code may have a namespace before a `#`. */
function failureOf(body: unknown): { readonly code?: string; readonly text?: string } {
  const shape = z
    .object({ __type: z.string(), message: z.string().nullish() })
    .transform(({ __type: type, message }) => ({ type, text: message }));
  const { success, data } = shape.safeParse(body);
  if (!success) return {};
  const code = data.type.split("#").at(-1) ?? data.type;
  return { code, ...(data.text ? { text: data.text } : {}) };
}
