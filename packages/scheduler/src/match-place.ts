import type { Capabilities, JobSpec, Offer } from "@gpujob/spec";
import picomatch from "picomatch";
import { imageFor } from "./image.ts";
import type { Miss } from "./miss.ts";
import { joinOr } from "./text.ts";

/** What many offers share: checked once for all of them. */
export type Place = Pick<Offer, "platform" | "region" | "country" | "market">;

/** Prepares the checks of platform, region, residency, market and image for many offers. */
export function compilePlaceMatch(
  job: JobSpec,
  capabilitiesByPlatform: Readonly<Record<string, Capabilities>>,
): (place: Place) => readonly Miss[] {
  const isRegion =
    job.regions.length === 0
      ? undefined
      : picomatch([...job.regions], { nocase: true, dot: true, bash: true });
  return (place) => [
    ...missOfPlatform(job, place.platform),
    ...(isRegion === undefined || isRegion(place.region)
      ? []
      : [{ key: "region", text: `region ${place.region}, ${joinOr(job.regions)} asked for` }]),
    ...missOfResidency(job, place),
    ...(job.market === "auto" || job.market === place.market
      ? []
      : [{ key: "market", text: `${place.market}, ${job.market} asked for` }]),
    ...missOfCapabilities(job, place.platform, capabilitiesByPlatform),
  ];
}

function missOfPlatform({ platforms }: JobSpec, platform: string): readonly Miss[] {
  if (platforms.deny.includes(platform)) {
    return [{ key: "platforms.deny", text: `platform ${platform} is denied` }];
  }
  if (platforms.allow.length > 0 && !platforms.allow.includes(platform)) {
    return [{ key: "platforms.allow", text: `platform ${platform} is not allowed` }];
  }
  return [];
}

function missOfResidency({ residency }: JobSpec, { country }: Place): readonly Miss[] {
  if (residency === undefined || country?.toLowerCase() === residency.toLowerCase()) return [];
  const there = country === undefined ? "country not known" : `in ${country}`;
  return [{ key: "residency", text: `${there}, ${residency} asked for` }];
}

/** A platform whose capabilities are not known is not held against its offers. */
function missOfCapabilities(
  job: JobSpec,
  platform: string,
  capabilitiesByPlatform: Readonly<Record<string, Capabilities>>,
): readonly Miss[] {
  if (!Object.hasOwn(capabilitiesByPlatform, platform)) return [];
  const capabilities = capabilitiesByPlatform[platform];
  if (capabilities === undefined) return [];
  const misses: Miss[] = [];
  const image = imageFor(job, platform);
  if (image !== undefined && !image.startsWith("docker:") && !capabilities.image) {
    misses.push({ key: "image", text: `no choice of image on ${platform}, ${image} asked for` });
  }
  if (job.resources.nodes > 1 && capabilities.multiNode === "none") {
    misses.push({
      key: "resources.nodes",
      text: `single machines only on ${platform}, ${job.resources.nodes} nodes asked for`,
    });
  }
  return misses;
}
