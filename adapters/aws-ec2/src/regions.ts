import type { Currency } from "@gpujob/spec";

/** Where a region's machines and data are, as ISO 3166-1 codes — https://docs.aws.amazon.com/global-infrastructure (2026-11) */
const countries: Readonly<Record<string, string>> = {
  "af-south-1": "za",
  "ap-east-1": "hk",
  "ap-east-2": "tw",
  "ap-northeast-1": "jp",
  "ap-northeast-2": "kr",
  "ap-northeast-3": "jp",
  "ap-south-1": "in",
  "ap-south-2": "in",
  "ap-southeast-1": "sg",
  "ap-southeast-2": "au",
  "ap-southeast-3": "id",
  "ap-southeast-4": "au",
  "ap-southeast-5": "my",
  "ap-southeast-7": "th",
  "ca-central-1": "ca",
  "ca-west-1": "ca",
  "cn-north-1": "cn",
  "cn-northwest-1": "cn",
  "eu-central-1": "de",
  "eu-central-2": "ch",
  "eu-north-1": "se",
  "eu-south-1": "it",
  "eu-south-2": "es",
  "eu-west-1": "ie",
  "eu-west-2": "gb",
  "eu-west-3": "fr",
  "il-central-1": "il",
  "me-central-1": "ae",
  "me-south-1": "bh",
  "mx-central-1": "mx",
  "sa-east-1": "br",
};

/** `undefined`: not known here. */
export function countryOf(region: string): string | undefined {
  return region.startsWith("us-") ? "us" : countries[region];
}

/** The partition of China is another company's, with accounts, prices and a currency of its own. */
export function isChina(region: string): boolean {
  return region.startsWith("cn-");
}

export function currencyOf(region: string): Currency {
  return isChina(region) ? "CNY" : "USD";
}

/** What is billed beside the machine, in USD; what is absent is not known. */
export interface Extras {
  /** General purpose disk, per GiB and hour. */
  readonly diskPerGibHour?: number;
  /** Per public IPv4 address and hour. */
  readonly addressPerHour?: number;
  /** To the internet, per GiB. */
  readonly egressPerGib?: number;
}

const bytesPerGb = 1e9;
const bytesPerGib = 2 ** 30;

/**
 * gp3 0.08 USD per GiB-month of 730 h, addresses 0.005 USD/h, egress 0.09 USD/GB after the first 100 GB of a month —
 * https://aws.amazon.com/ebs/pricing, /vpc/pricing, /ec2/pricing/on-demand (2026-07)
 */
export function extrasOf(region: string): Extras {
  if (isChina(region)) return {};
  if (region !== "us-east-1") return { addressPerHour: 0.005 };
  return {
    diskPerGibHour: 0.08 / 730,
    addressPerHour: 0.005,
    egressPerGib: (0.09 * bytesPerGib) / bytesPerGb,
  };
}
