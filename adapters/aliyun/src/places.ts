/** Where a region's machines and data are, as ISO 3166-1 codes — https://www.alibabacloud.com/global-locations (2026-11) */
const countries: Readonly<Record<string, string>> = {
  "cn-hongkong": "hk",
  "ap-northeast-1": "jp",
  "ap-northeast-2": "kr",
  "ap-southeast-1": "sg",
  "ap-southeast-3": "my",
  "ap-southeast-5": "id",
  "ap-southeast-6": "ph",
  "ap-southeast-7": "th",
  "eu-central-1": "de",
  "eu-west-1": "gb",
  "me-central-1": "sa",
  "me-east-1": "ae",
  "na-south-1": "mx",
};

/** `undefined`: not known here. */
export function countryOf(region: string): string | undefined {
  const known = countries[region];
  if (known !== undefined) return known;
  if (region.startsWith("us-")) return "us";
  return region.startsWith("cn-") ? "cn" : undefined;
}

const bytesPerGb = 1e9;
const bytesPerGib = 2 ** 30;

/**
 * What traffic to the internet costs per GiB; `undefined`: not known here. In the mainland about 0.80 CNY per GB —
 * https://help.aliyun.com/document_detail/25411.html (2021-06)
 */
export function egressOf(region: string, currency: string): number | undefined {
  const isMainland = countryOf(region) === "cn" && currency === "CNY";
  return isMainland ? (0.8 * bytesPerGib) / bytesPerGb : undefined;
}

/**
 * How the cards of a family are joined; the platform does not say it of any type —
 * https://www.alibabacloud.com/help/en/ecs/user-guide/gpu-accelerated-compute-optimized (2026-11)
 */
const nvlinkFamilies =
  /^ecs\.(?:gn6v|gn6e|gn7|gn7e|gn8v|gn8v-tee|ebmgn6v|ebmgn6e|ebmgn7|ebmgn7e|ebmgn7ex|ebmgn8v|sccgn6|sccgn6e)$/;

export function interconnectOf(family: string, count: number): "pcie" | "nvlink" {
  return count > 1 && nvlinkFamilies.test(family) ? "nvlink" : "pcie";
}

/** Slices of a card, with another driver and another licence. */
export function isSlice(family: string): boolean {
  return /^ecs\.(?:vgn|sgn)/.test(family);
}
