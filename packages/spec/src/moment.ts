import { unreadable } from "./quantity.ts";
import { formatDuration } from "./duration.ts";

const example = "such as 2026-12-01T02:00+08:00, or 02:00 Asia/Shanghai for the next time it is so";

/** A point in time as it is written: a date with a time, or a time of day, and the zone it is meant in. */
interface WrittenMoment {
  /** Year, month from 1, day; absent: the next day on which the time is still to come. */
  readonly date?: readonly [number, number, number];
  /** Hours, minutes, seconds. */
  readonly time: readonly [number, number, number];
  /** Minutes east of UTC, or the name of a zone. */
  readonly zone: number | string;
}

/**
 * Checks a moment such as `2026-12-01T02:00+08:00`, `2026-12-01 02:00 Asia/Shanghai` or `02:00Z` and answers it without
 * needless spaces. @throws `usage` also for one without a zone: the computer that runs it may be anywhere.
 */
export function checkMoment(text: string): string {
  readMoment(text);
  return text.trim().replaceAll(/\s+/g, " ");
}

/**
 * A moment in epoch milliseconds; a time of day is the next one after `nowMs`. What a clock shows twice in a year is its
 * first, what it skips is so much later. @throws `usage` like `checkMoment`.
 */
export function resolveMoment(text: string, nowMs: number): number {
  const { date, time, zone } = readMoment(text);
  if (date !== undefined) return toEpoch(date, time, zone);
  const today = new Date(nowMs + offsetMs(zone, nowMs));
  for (let days = 0; ; days += 1) {
    const day = new Date(today.getTime() + days * dayMs);
    const at = toEpoch([day.getUTCFullYear(), day.getUTCMonth() + 1, day.getUTCDate()], time, zone);
    if (at > nowMs) return at;
  }
}

/** A moment for people, and how far it is: `2026-12-01 02:00Z (in 5h 3m)`. */
export function formatMoment(atMs: number, nowMs: number): string {
  const shown = `${new Date(atMs).toISOString().slice(0, 16).replace("T", " ")}Z`;
  const far = formatDuration(Math.abs(atMs - nowMs));
  return atMs >= nowMs ? `${shown} (in ${far})` : `${shown} (${far} ago)`;
}

const dayMs = 86_400_000;
const pattern =
  /^(?:(\d{4})-(\d\d)-(\d\d)(?:T|\s+))?(\d\d?):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?\s*(Z|UTC|[+-]\d\d:?\d\d|[A-Za-z]+(?:\/[\w+-]+){1,2})?$/;

function readMoment(text: string): WrittenMoment {
  const match = pattern.exec(text.trim());
  if (match === null) throw unreadable(text, "a date with a time, nor a time of day", write());
  const [, year, month, day, hour, minute, second = "0", zone] = match;
  const time = [Number(hour), Number(minute), Number(second)] as const;
  if (time[0] > 23 || time[1] > 59 || time[2] > 59)
    throw unreadable(text, "a time of day", write());
  if (zone === undefined) throw unreadable(text, "a time with a zone", write());
  const written = { time, zone: readZone(zone, text) };
  if (year === undefined) return written;
  const date = [Number(year), Number(month), Number(day)] as const;
  const back = new Date(Date.UTC(date[0], date[1] - 1, date[2])).toISOString().slice(0, 10);
  if (back !== `${year}-${month}-${day}`) throw unreadable(text, "a day that there is", write());
  return { ...written, date };
}

function write(): string {
  return `Write it with its zone, ${example}.`;
}

function readZone(zone: string, whole: string): number | string {
  if (zone === "Z" || zone === "UTC") return 0;
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone) ?? [];
  if (sign !== undefined) {
    const east = Number(hours) * 60 + Number(minutes);
    if (east > 14 * 60 || Number(minutes) > 59)
      throw unreadable(whole, "a time with a zone", write());
    return sign === "-" ? -east : east;
  }
  try {
    clockOf(zone);
    return zone;
  } catch {
    throw unreadable(whole, `a time in a zone that is known: nobody knows ${zone}`, write());
  }
}

function toEpoch(
  [year, month, day]: readonly [number, number, number],
  [hour, minute, second]: readonly [number, number, number],
  zone: number | string,
): number {
  const local = Date.UTC(year, month - 1, day, hour, minute, second);
  // On the first of two equal times, and for what is skipped, what held the day before holds.
  const before = offsetMs(zone, local - dayMs);
  const after = offsetMs(zone, local + dayMs);
  const found = [before, after].find((offset) => offsetMs(zone, local - offset) === offset);
  return local - (found ?? before);
}

/** How far the clocks of a zone are ahead of UTC at a moment. */
function offsetMs(zone: number | string, atMs: number): number {
  if (typeof zone === "number") return zone * 60_000;
  const parts = new Map(
    clockOf(zone)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const of = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  const shown = Date.UTC(
    of("year"),
    of("month") - 1,
    of("day"),
    of("hour"),
    of("minute"),
    of("second"),
  );
  return shown - Math.floor(atMs / 1000) * 1000;
}

function clockOf(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
}
