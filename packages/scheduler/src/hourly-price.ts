import { scaleMoney } from "@gpujob/catalog";
import type { Money, Offer } from "@gpujob/spec";

/** What all nodes cost per hour after the platform's discount, in the offer's currency; compute only. */
export function hourlyPrice({ price }: Pick<Offer, "price">, nodes: number): Money {
  return scaleMoney(price.perHour, { times: [nodes, price.discount ?? 1] });
}
