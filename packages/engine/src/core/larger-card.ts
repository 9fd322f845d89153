import type { GpuRequest, GpuVendor, JobSpec, Offer } from "@gpujob/spec";

/** After its memory ran out: cards of this vendor with more memory each, which `retry.rules` asked for. */
export interface LargerCard {
  readonly aboveGib: number;
  readonly vendor: GpuVendor;
  /** Number of the attempt whose card was too small. */
  readonly attempt: number;
  /** The job's own code, for a run that finds no such card. */
  readonly exitCode: number;
}

/** Cards are matched with a tolerance of 7 %; this much above the old memory nothing equal passes. */
const clearly = 1.08;

/**
 * The job with cards that have more memory each. A model that was named is no longer asked for, since the larger card is
 * another model; its vendor, number of cards and everything else stay.
 */
export function demandLarger(job: JobSpec, larger: LargerCard): JobSpec {
  const { resources } = job;
  const asked = resources.gpus.length === 0 ? [{ count: { min: 1 } }] : resources.gpus;
  const gpus = asked.map(({ models: _models, ...request }: GpuRequest): GpuRequest => {
    const min = Math.max(request.vramGib?.min ?? 0, larger.aboveGib * clearly);
    return {
      ...request,
      vendors: request.vendors ?? [larger.vendor],
      vramGib: { ...request.vramGib, min },
    };
  });
  return { ...job, resources: { ...resources, gpus } };
}

/** Has the offer such a card, or was none asked for? */
export function isLargeEnough(offer: Offer, larger: LargerCard | undefined): boolean {
  return larger === undefined || (offer.gpu?.vramGib ?? 0) > larger.aboveGib;
}
