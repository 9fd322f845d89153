import type { PlatformTraits } from "@gpujob/catalog";
import { isDomesticVendor, type JobSpec, type Offer } from "@gpujob/spec";
import type { Miss } from "./miss.ts";
import { findProfile, type ProfileDemands } from "./profiles.ts";

/** What is known of the platforms beside their offers, by the configured name. */
export type TraitsByPlatform = Readonly<Record<string, PlatformTraits>>;

type Check = (offer: Offer) => Miss | undefined;

/** What a job's profile demands of every offer; none for most. */
export function compileDemands(job: JobSpec, traits: TraitsByPlatform): readonly Check[] {
  const profile = findProfile(job.profile);
  if (profile === undefined) return [];
  const { isDomestic, isCertified, hasFastLinks }: ProfileDemands = profile.demands;
  const miss = (text: string): Miss => ({ key: "profile", text: `${text} (${profile.name})` });
  const checks: Check[] = [];
  if (isDomestic === true) {
    checks.push(({ gpu }) =>
      gpu !== undefined && isDomesticVendor(gpu.vendor)
        ? undefined
        : miss("no domestic accelerator"),
    );
  }
  if (isCertified === true) {
    checks.push(({ platform }) =>
      traits[platform]?.isCertified === true
        ? undefined
        : miss(`${platform} is not known for contracts and certificates`),
    );
  }
  if (hasFastLinks === true) checks.push((offer) => missOfLinks(offer, job, miss));
  return checks;
}

function missOfLinks(
  { gpu, fabric }: Offer,
  { resources }: JobSpec,
  miss: (text: string) => Miss,
): Miss | undefined {
  const link = gpu?.interconnect ?? "unknown";
  if (gpu !== undefined && gpu.count > 1 && (link === "pcie" || link === "unknown")) {
    return miss(link === "pcie" ? "only PCIe between cards" : "link between cards not known");
  }
  if (resources.nodes > 1 && fabric?.kind !== "rdma") return miss("no RDMA between nodes known");
  return undefined;
}
