import {
  findRental,
  findSheet,
  listRentals,
  listSheets,
  normalizeGpuName,
  type GpuName,
  type PriceSheet,
  type Rental,
} from "@gpujob/catalog";
import {
  GpujobError,
  hourlyPriceSchema,
  parseSshTarget,
  readTextWith,
  secretReferenceSchema,
} from "@gpujob/spec";
import { z } from "zod";

const absolutePath = /^\/[^\0]*$/;

const hostSchema = z.strictObject({
  /** The login command as the console shows it. */
  ssh: readTextWith(parseSshTarget, "the login command, as in ssh -p 34222 root@i-1.gpushare.com"),
  password: secretReferenceSchema.exactOptional(),
  key: z.string().min(1).exactOptional(),
  passphrase: secretReferenceSchema.exactOptional(),
  hostKey: z
    .string()
    .regex(/^SHA256:[A-Za-z0-9+/]{43}=?$/, 'Write hostKey as "SHA256:…" (ssh-keygen -lf shows it).')
    .exactOptional(),
  /** The card and its price. */
  sheet: readTextWith(readSheet, "a price sheet, as in gpushare/rtx4090").exactOptional(),
  /** Where there is no sheet: the platform whose rules hold, and the card. */
  platform: readTextWith(
    readRental,
    "the platform it was rented from, as in gpugeek",
  ).exactOptional(),
  gpu: readTextWith(readCard, "the card with its memory, as in RTX 4090 24GB").exactOptional(),
  /** Cards in the machine. */
  count: z.int().min(1).max(16).default(1),
  price: hourlyPriceSchema("For the whole machine with all its cards, per hour.").exactOptional(),
  /** When it was rented: the bill counts from here, and another machine at this address has another time. */
  since: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text).toISOString())
    .meta({ type: "string" })
    .exactOptional(),
  /** What the machine's own power-off does to the bill; other than `none` it may be powered off after a job. */
  powerOff: z.enum(["none", "stops", "ends"]).exactOptional(),
  /** The machine may end itself by the platform's own command once the outputs are at home. */
  selfEnd: z.literal(true).exactOptional(),
  /** The page or command that ends it, where the platform's facts do not say. */
  endAt: z.string().min(1).exactOptional(),
  /** Folder on the machine for everything of ours. */
  root: z.string().regex(absolutePath, "Write root as an absolute path.").exactOptional(),
  region: z.string().min(1).exactOptional(),
});

/** The platform's entry in the configuration, without `adapter`. */
export const configSchema = z
  .strictObject({ hosts: z.array(hostSchema).min(1) })
  .superRefine(({ hosts }, issues) => {
    const names = hosts.map(hostName);
    for (const [index, host] of hosts.entries()) {
      const isTwice = names.indexOf(names[index] ?? "") !== index;
      const problems = [
        ...(isTwice ? [`The machine ${names[index]} is there twice.`] : []),
        ...problemsOf(host),
      ];
      for (const message of problems)
        issues.addIssue({ code: "custom", path: ["hosts", index], message });
    }
  });

/** The configuration after parsing. */
export type RentedConfig = z.output<typeof configSchema>;
/** One machine of it. */
export type HostConfig = RentedConfig["hosts"][number];

/** A short stable name made from the address; part of offer and lease ids. */
export function hostName({ ssh }: Pick<HostConfig, "ssh">): string {
  const { user, host, port } = ssh;
  const text = [user, host, port === 22 ? undefined : port].filter((part) => part !== undefined);
  return text
    .join("-")
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, "-");
}

/** The facts of the platform that a machine was rented from, where they are known. */
export function rentalOf({ platform, sheet }: HostConfig): Rental | undefined {
  return platform ?? (sheet === undefined ? undefined : findRental(sheet.sheet.platform));
}

/** What is wrong with a machine that has neither a sheet nor a card and a price. */
export const needsPrice = "Name a price sheet under sheet, or give gpu and price.";

function problemsOf(host: HostConfig): readonly string[] {
  const { sheet, gpu, price, password, key, passphrase, selfEnd } = host;
  const problems: string[] = [];
  if (sheet === undefined && (gpu === undefined || price === undefined)) problems.push(needsPrice);
  if (password !== undefined && key !== undefined) problems.push("Give one of password and key.");
  if (passphrase !== undefined && key === undefined) problems.push("passphrase needs key.");
  if (selfEnd === true && rentalOf(host)?.selfEnd === undefined)
    problems.push("selfEnd needs a platform that is known to have a command for it.");
  return problems;
}

/** A card with its memory. */
type Card = GpuName & { readonly vramGib: number };

function readSheet(id: string): { readonly sheet: PriceSheet; readonly card: Card } {
  const sheet = findSheet(id);
  if (sheet !== undefined) return { sheet, card: readCard(sheet.gpu) };
  const [platform] = id.toLowerCase().split("/");
  const near = listSheets().filter((each) => each.platform === platform);
  const known =
    near.length > 0
      ? near.map((each) => each.id)
      : [...new Set(listSheets().map((each) => each.platform))];
  throw unknown(`There is no price sheet ${id}; there are ${known.join(", ")}.`);
}

function readRental(name: string): Rental {
  const rental = findRental(name);
  if (rental !== undefined) return rental;
  const known = listRentals().map(({ platform }) => platform);
  throw unknown(`Nothing is known of a platform ${name}; there are ${known.join(", ")}.`);
}

function readCard(text: string): Card {
  const name = normalizeGpuName(text);
  if (name === undefined) throw unknown(`Nobody knows a card called ${text}.`);
  const { vramGib } = name;
  if (vramGib === undefined)
    throw unknown(`${text} is sold with several memory sizes, so say which, as in ${text} 24GB.`);
  return { ...name, vramGib };
}

function unknown(message: string): GpujobError {
  return new GpujobError("config_invalid", message);
}
