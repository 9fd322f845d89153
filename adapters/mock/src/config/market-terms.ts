import type { Currency, Money } from "@gpujob/spec";
import type { MockConfig } from "../config.ts";
import type { MarketTerms, OfferTerms } from "../market/terms.ts";
import { randomFaults } from "../market/random-faults.ts";
import { noCurrency } from "./fields.ts";
import type { WrittenOffer } from "./offer-schema.ts";

/** The market's terms, every price with its currency. */
export function toMarketTerms(config: MockConfig, currency: Currency): MarketTerms {
  const name = (money: Money): Money =>
    money.currency === noCurrency ? { ...money, currency } : money;
  const offers = config.offers.map((offer) => toOfferTerms(offer, config.boot, name));
  const own = offers[0]?.offer.price.perHour.currency ?? currency;
  const balance = config.balance === undefined ? undefined : name(config.balance);
  return {
    offers,
    faults: [...config.faults, ...randomFaults(config.random)],
    seed: config.seed,
    // Enough for anything that a test or a try-out rents.
    balance: balance ?? { currency: own, micros: 1_000_000 * 1_000_000 },
  };
}

function toOfferTerms(
  written: WrittenOffer,
  bootMs: number,
  name: (money: Money) => Money,
): OfferTerms {
  const { type, stock, billing, discount, bootSeconds = bootMs / 1000 } = written;
  const { price, diskPrice, cpu, memory, disk, maxDisk, ...rest } = written;
  const { region, market, maxNodes } = rest;
  const nothing: Money = { ...name(price), micros: 0 };
  return {
    type,
    bootMs: bootSeconds * 1000,
    ...withoutAbsent({ stock }),
    offer: {
      offerId: type,
      instanceType: type,
      region,
      market,
      maxNodes,
      bootSeconds,
      fabric: { kind: "ethernet" },
      ...withoutAbsent({
        gpu: rest.gpu,
        zone: rest.zone,
        country: rest.country,
        interruptionsPerHour: rest.interruptionsPerHour,
        cpuCount: cpu,
        memoryGib: memory,
        includedDiskGib: disk,
        maxDiskGib: maxDisk,
      }),
      price: {
        perHour: name(price),
        billing,
        // The market charges for machines and disks, and for nothing else.
        publicIpPerHour: nothing,
        egressPerGib: nothing,
        taxRate: 0,
        source: "live",
        ...withoutAbsent({
          diskPerGibHour: diskPrice === undefined ? undefined : name(diskPrice),
          discount,
        }),
      },
    },
  };
}

/** Optional means absent, not `undefined`. */
function withoutAbsent<T extends object>(
  value: T,
): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same keys, less those without a value
  return Object.fromEntries(entries) as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}
