import { rateInterval, shareInterval, type Tally } from "./estimate.ts";
import type { PlaceRecord } from "./place-record.ts";
import { countOf } from "./text.ts";

/** What was learnt of a place, one short clause each, with how sure it is; nothing that was never seen. */
export function describeRecord(record: PlaceRecord): readonly string[] {
  const { creates, failures, spot } = record;
  const kept: Tally = { times: failures.of - failures.times, of: failures.of };
  return [
    ...(creates.of === 0 ? [] : [`came when asked for ${withInterval(creates)}`]),
    ...(kept.of === 0 ? [] : [`stayed until given back ${withInterval(kept)}`]),
    ...(spot.hours === 0 ? [] : [sayInterruptions(spot)]),
    ...sayBoots(record),
    ...(record.uploadMbps === undefined
      ? []
      : [`took ${speed(record.uploadMbps)} of upload (${countOf(record.uploads, "time")})`]),
    ...(record.downloadMbps === undefined ? [] : [`downloads at ${speed(record.downloadMbps)}`]),
    ...(record.diskMibPerSecond === undefined
      ? []
      : [`reads its disk at ${Math.round(record.diskMibPerSecond)} MiB/s`]),
    ...sayBills(record),
  ];
}

function withInterval(tally: Tally): string {
  const { low, high } = shareInterval(tally);
  return `${tally.times} of ${tally.of} times (${percent(low)} to ${percent(high)} %)`;
}

function percent(share: number): number {
  return Math.round(share * 100);
}

function sayInterruptions({ interruptions, hours }: PlaceRecord["spot"]): string {
  const { low, high } = rateInterval({ times: interruptions, hours });
  const rate = (value: number): string => value.toPrecision(2);
  return `spot taken away ${countOf(interruptions, "time")} in ${hours.toPrecision(2)} h (${rate(low)} to ${rate(high)} per hour)`;
}

function sayBoots({ boots, bootSeconds, bootSecondsMost }: PlaceRecord): readonly string[] {
  if (bootSeconds === undefined || bootSecondsMost === undefined) return [];
  const most = boots === 1 ? "once" : `at most ${Math.round(bootSecondsMost)} s, ${boots} seen`;
  return [`boots in ${Math.round(bootSeconds)} s (${most})`];
}

function speed(mbps: number): string {
  return `${Math.round(mbps)} Mbit/s`;
}

function sayBills({ bills, billsRead, billedOverQuoted }: PlaceRecord): readonly string[] {
  if (billedOverQuoted === undefined) return [];
  const off = Math.round((billedOverQuoted - 1) * 1000) / 10;
  const what = off === 0 ? "as quoted" : `${Math.abs(off)} % ${off > 0 ? "above" : "below"} quote`;
  const read = billsRead === bills ? "" : `${billsRead} of them `;
  const own = billsRead === undefined ? "" : `, ${read}the platform's own`;
  return [`billed ${what} (${countOf(bills, "bill")}${own})`];
}
