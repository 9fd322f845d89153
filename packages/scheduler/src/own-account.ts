import type { AccountTerms, Offer, OfferPrice } from "@gpujob/spec";

/** The user's accounts by the configured platform's name. */
export type Accounts = Readonly<Record<string, AccountTerms>>;

/**
 * An offer at the terms of the user's account: its rate, its surcharges, and the prices that the platform does not tell.
 * What the configuration says goes before what the platform said.
 */
export function withAccount(offer: Offer, accounts: Accounts | undefined): Offer {
  const account = accounts?.[offer.platform];
  return account === undefined ? offer : { ...offer, price: ownPrice(offer, account) };
}

function ownPrice({ price, gpu }: Offer, account: AccountTerms): OfferPrice {
  const { diskPerGibHour, publicIpPerHour, egressPerGib, taxRate, isBootBilled } = account;
  const ownRate = rateOf(account);
  const surcharges = (account.surcharges ?? []).filter(
    ({ interconnect }) => interconnect === undefined || interconnect === gpu?.interconnect,
  );
  return {
    ...price,
    ...(isBootBilled === undefined ? {} : { billing: { ...price.billing, isBootBilled } }),
    ...(diskPerGibHour === undefined ? {} : { diskPerGibHour }),
    ...(publicIpPerHour === undefined ? {} : { publicIpPerHour }),
    ...(egressPerGib === undefined ? {} : { egressPerGib }),
    ...(taxRate === undefined ? {} : { taxRate }),
    ...(ownRate === undefined ? {} : { ownRate }),
    ...(surcharges.length === 0
      ? {}
      : {
          surcharges: [
            ...(price.surcharges ?? []),
            ...surcharges.map(({ name, perHour }) => ({ name, perHour })),
          ],
        }),
  };
}

/** Nobody is a member and a student twice: the better of the two rates holds. */
function rateOf({ member, student }: AccountTerms): OfferPrice["ownRate"] {
  const rates = [
    ...(member === undefined ? [] : [{ name: "member", factor: member }]),
    ...(student === undefined ? [] : [{ name: "student", factor: student }]),
  ];
  return rates.toSorted((left, right) => left.factor - right.factor)[0];
}
