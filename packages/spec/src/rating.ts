import { z } from "zod";

/** The user's own judgement of a platform, in place of what people say; each from 0 to 1. */
export interface PlatformRating {
  /** The share of asks that give a machine. */
  readonly stock?: number;
  /** The share of machines that stay until they are given back. */
  readonly stability?: number;
  readonly ease?: number;
  readonly support?: number;
  /** How well it sees to domestic accelerators. */
  readonly domestic?: number;
  /** Does it sell under the contracts and certificates that the user needs? */
  readonly certified?: boolean;
}

function share(description: string): z.ZodType<number> {
  return z.number().min(0).max(1).meta({ description });
}

/** What a profile begins with, as a user writes it. */
export const ratingSchema = (): z.ZodType<PlatformRating> =>
  z.strictObject({
    stock: share("The share of asks that give a machine, such as 0.9.").exactOptional(),
    stability: share("The share of machines that stay until they are given back.").exactOptional(),
    ease: share("How soon a newcomer's job runs there, from 0 to 1.").exactOptional(),
    support: share("How much help there is, from 0 to 1.").exactOptional(),
    domestic: share("How well it sees to domestic accelerators, from 0 to 1.").exactOptional(),
    certified: z
      .boolean()
      .meta({ description: "Does it sell under the contracts and certificates that you need?" })
      .exactOptional(),
  });
