/** Regions that Container Instance Pro accepts; any other is refused. Seen on 2026-08-23. */
export const proRegions: readonly string[] = ["westDC3", "beijingDC2"];

/** Region codes of Elastic Deployment — https://www.autodl.com/docs/esd_api_doc (2026-09) */
export const elasticRegions: readonly string[] = [
  "westDC2",
  "westDC3",
  "beijingDC1",
  "beijingDC2",
  "beijingDC3",
  "beijingDC4",
  "neimengDC1",
  "neimengDC3",
  "foshanDC1",
  "chongqingDC1",
  "yangzhouDC1",
];

/** The region of an offer whose machine may stand in any room: asking for none finds a card most often. */
export const anyRegion = "any";
