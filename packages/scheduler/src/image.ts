import type { JobSpec } from "@gpujob/spec";

/** The image a job asks for on one platform, or `undefined` if it asks for none there. */
export function imageFor(job: Pick<JobSpec, "image">, platform: string): string | undefined {
  const { image } = job;
  if (image === undefined || typeof image === "string") return image;
  return Object.hasOwn(image, platform) ? image[platform] : image["default"];
}
