import { omitUndefined } from "@gpujob/adapter-kit";
import { normalizeGpuName } from "@gpujob/catalog";
import type { AdapterContext, Offer, PlatformError } from "@gpujob/spec";
import type { Machine } from "./machines.ts";
import type { MachineReport } from "./report.ts";

/** What a machine says of itself; `problem`: it does not answer, and why. */
export type MachineView =
  | { readonly machine: Machine; readonly report: MachineReport }
  | { readonly machine: Machine; readonly problem: PlatformError };

/** A machine as an offer: it is taken as a whole. */
export function toOffer(view: MachineView, context: AdapterContext): Offer {
  const { name, host, terms } = view.machine;
  const { rental, sheet, billing, perHour, gpu, byHand } = terms;
  const facts = "report" in view ? view.report : undefined;
  const isFree = facts !== undefined && facts.leases.every(({ state }) => state !== "up");
  return omitUndefined({
    offerId: name,
    platform: context.platform,
    region: host.region ?? sheet?.region ?? rental?.platform ?? sheet?.platform ?? "local",
    country: sheet?.country ?? rental?.country,
    instanceType: name,
    gpu,
    cpuCount: facts?.cpuCount,
    memoryGib: roundGib(facts?.memoryGib),
    includedDiskGib: roundGib(facts?.diskFreeGib),
    market: "on-demand",
    price: omitUndefined({
      perHour,
      billing,
      source: host.price === undefined ? ("sheet" as const) : ("live" as const),
      confidence: host.price === undefined ? sheet?.confidence : undefined,
    }),
    availability: isFree ? 1 : "none",
    bootSeconds: 0,
    observedAt: observedAt(view.machine, context),
    environment: rental?.environment,
    notes: notesOf(view),
    byHand,
  });
}

function roundGib(gib: number | undefined): number | undefined {
  return gib === undefined ? undefined : Math.floor(gib * 10) / 10;
}

/** A sheet's price is as old as the sheet; a price that the user names is today's. */
function observedAt({ host, terms }: Machine, { clock }: AdapterContext): string {
  const isFromSheet = host.price === undefined && terms.sheet !== undefined;
  return isFromSheet && terms.sheet !== undefined
    ? new Date(terms.sheet.observedAt).toISOString()
    : new Date(clock.now()).toISOString();
}

function notesOf(view: MachineView): readonly string[] {
  const { host, terms } = view.machine;
  const { sheet, rental, byHand } = terms;
  return [
    ...("problem" in view ? [view.problem.message] : cardNotes(view.report, view.machine)),
    ...(sheet === undefined || host.price !== undefined
      ? []
      : [`price of ${sheet.observedAt} (${sheet.confidence}): ${sheet.source}`]),
    `ends only by your own hand: ${byHand.endAt}`,
    ...(byHand.renews === true
      ? ["the next unit begins and is paid by itself until you end it"]
      : []),
    ...(rental?.notes ?? []),
  ];
}

/** Where the machine's own tool tells of other cards than its configuration does. */
function cardNotes({ cards }: MachineReport, { terms }: Machine): readonly string[] {
  const [first] = cards;
  if (first === undefined) return [];
  const { model, count } = terms.gpu;
  const isSame = normalizeGpuName(first)?.model === model && cards.length === count;
  return isSame
    ? []
    : [`${count} × ${model} is configured, and the machine shows ${cards.join(", ")}`];
}
