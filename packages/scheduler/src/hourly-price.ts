import { scaleMoney } from "@gpujob/catalog";
import type { Money, Offer } from "@gpujob/spec";
import { computeTerms } from "./bill.ts";

/** What all nodes cost per hour after all discounts, in the offer's currency; compute only. */
export function hourlyPrice({ price }: Pick<Offer, "price">, nodes: number): Money {
  const { perHour, factor } = computeTerms(price);
  return scaleMoney(perHour, { times: [nodes, factor] });
}
