/** By code units, so that an order does not hang on a locale. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

interface Named {
  readonly platform: string;
  readonly offerId: string;
}

/** By platform, then by offer id. */
export function compareIds(a: Named, b: Named): number {
  return compareText(a.platform, b.platform) || compareText(a.offerId, b.offerId);
}
