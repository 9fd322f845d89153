import { z } from "zod";
import type { AccountTerms, TermLength } from "./account.ts";
import type { GpuNames } from "./gpu.ts";
import type { Money } from "./money.ts";
import { parseMoney } from "./money-text.ts";
import { didYouMean } from "./nearest.ts";
import { unreadable } from "./quantity.ts";
import { convert, hourlyPriceSchema, moneySchema, readWith } from "./unit-schema.ts";

/** What an account has on a platform: rates, prices that the platform does not tell, and what is paid already. */
export const accountSchema = (names: GpuNames): z.ZodType<AccountTerms> =>
  z
    .strictObject({
      member: factor(
        "A member pays this part of the price of compute, such as 0.95.",
      ).exactOptional(),
      student: factor("A student pays this part; of the two the lower one holds.").exactOptional(),
      tax: readWith(readTaxRate, {
        description: "Added to every price, such as 6%; 0 where it is in them.",
        examples: ["6%", 0],
        type: ["string", "number"],
      }).exactOptional(),
      bootBilled: z
        .boolean()
        .meta({ description: "Is the time until a machine is up paid for?" })
        .exactOptional(),
      disk: readWith(readDiskPrice, {
        description: "Disk above what is included. Write it as 0.3 CNY/GB/month.",
        examples: ["0.3 CNY/GB/month", "0.01 CNY/GB/day"],
      }).exactOptional(),
      publicIp: hourlyPriceSchema("A public address.").exactOptional(),
      egress: readWith(readTrafficPrice, {
        description: "What goes out of the machine to the internet. Write it as 0.8 CNY/GB.",
        examples: ["0.8 CNY/GB", "$0.09/GB"],
      }).exactOptional(),
      surcharges: z
        .array(
          z.strictObject({
            name: z.string().min(1).max(40),
            price: hourlyPriceSchema("For one node."),
            interconnect: z.enum(["pcie", "nvlink", "nvswitch", "hccs"]).exactOptional(),
          }),
        )
        .meta({
          description:
            "Paid by the hour beside a machine: name, price, and interconnect where it is for that only.",
        })
        .exactOptional(),
      coupons: z
        .array(
          z.strictObject({
            amount: moneySchema("What was left of it."),
            asOf: dateSchema("start", "When that was so; what runs have cost since is taken off."),
            until: dateSchema("end", "The last day on which it pays.").exactOptional(),
          }),
        )
        .meta({ description: "Vouchers that pay first: amount, asOf, until." })
        .exactOptional(),
      prepaidHours: z
        .array(
          z.strictObject({
            hours: z.number().positive().max(1e6),
            gpu: cardSchema(names).exactOptional(),
            asOf: dateSchema("start", "When so many were left; what runs used since is taken off."),
            until: dateSchema("end", "The last day on which they count.").exactOptional(),
          }),
        )
        .meta({ description: "Hours of one card that are paid already: hours, gpu, asOf, until." })
        .exactOptional(),
      terms: z
        .array(
          z.strictObject({
            gpu: cardSchema(names),
            count: z.int().min(1).max(64).default(1),
            per: z.enum(["day", "week", "month"]),
            price: moneySchema("For the whole term."),
          }),
        )
        .meta({
          description:
            "Prices of whole days, weeks and months, for `gpujob cost --advise`: gpu, count, per, price.",
        })
        .exactOptional(),
    })
    .transform(toTerms);

type Written = Parameters<typeof toTerms>[0];

function toTerms(written: {
  readonly member?: number;
  readonly student?: number;
  readonly tax?: number;
  readonly bootBilled?: boolean;
  readonly disk?: Money;
  readonly publicIp?: Money;
  readonly egress?: Money;
  readonly surcharges?: readonly {
    readonly name: string;
    readonly price: Money;
    readonly interconnect?: "pcie" | "nvlink" | "nvswitch" | "hccs";
  }[];
  readonly coupons?: NonNullable<AccountTerms["coupons"]>;
  readonly prepaidHours?: readonly {
    readonly hours: number;
    readonly gpu?: string;
    readonly asOf: string;
    readonly until?: string;
  }[];
  readonly terms?: readonly {
    readonly gpu: string;
    readonly count: number;
    readonly per: TermLength;
    readonly price: Money;
  }[];
}): AccountTerms {
  const { member, student, tax, bootBilled, disk, publicIp, egress, coupons } = written;
  const { surcharges, prepaidHours, terms } = written;
  return {
    ...(member === undefined ? {} : { member }),
    ...(student === undefined ? {} : { student }),
    ...(tax === undefined ? {} : { taxRate: tax }),
    ...(bootBilled === undefined ? {} : { isBootBilled: bootBilled }),
    ...(disk === undefined ? {} : { diskPerGibHour: disk }),
    ...(publicIp === undefined ? {} : { publicIpPerHour: publicIp }),
    ...(egress === undefined ? {} : { egressPerGib: egress }),
    ...(surcharges === undefined
      ? {}
      : { surcharges: surcharges.map(({ price, ...rest }) => ({ ...rest, perHour: price })) }),
    ...(coupons === undefined ? {} : { coupons }),
    ...(prepaidHours === undefined ? {} : { prepaidHours: prepaidHours.map(renameCard) }),
    ...(terms === undefined
      ? {}
      : { terms: terms.map(({ gpu, ...rest }) => ({ ...rest, model: gpu })) }),
  };
}

function renameCard({
  gpu,
  ...rest
}: NonNullable<Written["prepaidHours"]>[number]): NonNullable<
  AccountTerms["prepaidHours"]
>[number] {
  return gpu === undefined ? rest : { ...rest, model: gpu };
}

function factor(description: string): z.ZodType<number> {
  return z
    .number("Write the part that is paid, such as 0.95.")
    .gt(0, "Write the part that is paid, such as 0.95.")
    .max(1, "Write the part that is paid, such as 0.95 for 5 % less.")
    .meta({ description });
}

function readTaxRate(value: unknown): number {
  const percent =
    typeof value === "string" ? /^(\d{1,2}(?:\.\d{1,4})?)\s?%$/.exec(value.trim()) : null;
  if (percent !== null) return Number((Number(percent[1]) / 100).toPrecision(12));
  if (typeof value === "number" && value >= 0 && value < 1) return value;
  throw unreadable(
    value,
    "a rate of tax",
    "Write it as 6%, or 0 where the prices have it in them.",
  );
}

const size = /\s{0,3}(?:\/|per)\s{0,3}(?:GB|GiB|G)$/i;
const sizeOverTime =
  /\s{0,3}(?:\/|per)\s{0,3}(?:GB|GiB|G)\s{0,3}(?:\/|per)\s{0,3}(h|hour|day|d|week|month|mo)$/i;
const hoursPer: ReadonlyMap<string, number> = new Map([
  ["h", 1],
  ["hour", 1],
  ["d", 24],
  ["day", 24],
  ["week", 7 * 24],
  ["mo", 30 * 24],
  ["month", 30 * 24],
]);

function readTrafficPrice(value: unknown): Money {
  if (value === 0 || typeof value !== "string" || !size.test(value.trim()))
    throw unreadable(
      value,
      "a price of traffic",
      "Write it as 0.8 CNY/GB, or 0 CNY/GB where it is free.",
    );
  return parseMoney(value.trim().replace(size, ""));
}

/** Per GiB and hour, rounded to a millionth. */
function readDiskPrice(value: unknown): Money {
  const match = typeof value === "string" ? sizeOverTime.exec(value.trim()) : null;
  if (typeof value !== "string" || match === null)
    throw unreadable(value, "a price of disk over time", "Write it as 0.3 CNY/GB/month.");
  const { currency, micros } = parseMoney(value.trim().replace(sizeOverTime, ""));
  const hours = hoursPer.get(match[1]?.toLowerCase() ?? "") ?? 1;
  return { currency, micros: Math.round(micros / hours) };
}

/** A day counts from its beginning or to its end, in UTC; a time with a zone is taken as it is. */
function dateSchema(edge: "start" | "end", description: string): z.ZodType<string> {
  return readWith((value) => readDate(value, edge), {
    description: `${description} Write it as 2026-12-31.`,
    examples: ["2026-12-31"],
  });
}

function readDate(value: unknown, edge: "start" | "end"): string {
  const text = typeof value === "string" ? value.trim() : "";
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text);
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/.test(text);
  const atMs = isDay || isTime ? Date.parse(text) : Number.NaN;
  const isReal = !isDay || (!Number.isNaN(atMs) && new Date(atMs).toISOString().startsWith(text));
  if (Number.isNaN(atMs) || !isReal)
    throw unreadable(value, "a date", "Write it as 2026-12-31, or with a time and its zone.");
  return new Date(isDay && edge === "end" ? atMs + 86_399_999 : atMs).toISOString();
}

function cardSchema({ resolveName }: GpuNames): z.ZodType<string> {
  return convert(z.union([z.string(), z.number()]), (name) => {
    const model = resolveName(String(name));
    if (model !== undefined) return model;
    const near = didYouMean(String(name), [
      "RTX4090",
      "RTX4090D",
      "RTX5090",
      "A100",
      "H100",
      "H20",
    ]);
    throw unreadable(
      String(name),
      "a card that the catalogue knows",
      `Write its model, such as RTX4090.${near}`,
    );
  });
}
