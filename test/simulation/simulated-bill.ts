/** A platform's tariff in the words of a price page, in units of its currency. */
export interface Tariff {
  readonly name: string;
  /** For one machine per hour. */
  readonly hour: number;
  /** Time is sold in pieces of so many seconds. */
  readonly piece: number;
  readonly least?: number;
  /** Is the piece that begins paid at once, even if nothing of it is used? */
  readonly isPaidFirst?: boolean;
  /** The meter runs from the order, or from when the machine is up. */
  readonly from: "order" | "up";
  /** Parts of the price of the machine that are left to pay, one after the other. */
  readonly rebates?: readonly number[];
  /** By the piece too, without any rebate. */
  readonly linkHour?: number;
  readonly diskGbDay?: number;
  readonly addressHour?: number;
  readonly trafficGb?: number;
  /** Percent on top of everything. */
  readonly tax?: number;
  /** CNY for one unit of its currency. */
  readonly rate?: number;
  /** On average so many machines are taken back in an hour, each without a notice. */
  readonly takenPerHour?: number;
}

/** What somebody runs there. Seconds and GB. */
export interface SimulatedUse {
  readonly machines: number;
  readonly boot: number;
  readonly pull: number;
  readonly upload: number;
  readonly work: number;
  readonly download: number;
  readonly keep: number;
  /** Beyond what comes with the machine. */
  readonly diskGb: number;
  /** From each machine. */
  readonly resultsGb: number;
  /** The job saves so often; absent: never. */
  readonly savesEvery?: number;
}

interface Life {
  readonly begin: number;
  readonly end: number;
}

/**
 * What a platform takes for a whole run, in CNY. It is played: machines are ordered, boot, work, are taken away and are
 * followed by others, and then a meter walks through the life of each and takes money piece by piece. Nothing of it is
 * shared with the estimate.
 */
export function simulateBill(tariff: Tariff, use: SimulatedUse, random: () => number): number {
  const lives = playRun(tariff, use, random);
  let money = 0;
  for (const life of lives) money += meter(tariff, use, life);
  money *= use.machines;
  money += (tariff.trafficGb ?? 0) * use.resultsGb * use.machines;
  return money * (1 + (tariff.tax ?? 0) / 100) * (tariff.rate ?? 1);
}

/** The meter's view of every machine (or gang) of a run, one after the other. */
function playRun(tariff: Tariff, use: SimulatedUse, random: () => number): readonly Life[] {
  const lives: Life[] = [];
  let clock = 0;
  let saved = 0;
  for (;;) {
    const order = clock;
    const up = order + use.boot + use.pull;
    const begin = tariff.from === "order" ? order : up;
    const begun = up + use.upload;
    const done = begun + (use.work - saved);
    const taken = up + timeUntilTaken(tariff, use, random);
    if (taken >= done) {
      lives.push({ begin, end: done + use.download + use.keep });
      return lives;
    }
    lives.push({ begin, end: taken });
    if (use.savesEvery !== undefined && taken > begun)
      for (let at = begun + use.savesEvery; at <= taken; at += use.savesEvery)
        saved += use.savesEvery;
    clock = taken;
  }
}

/** One of a gang is enough. */
function timeUntilTaken(
  { takenPerHour = 0 }: Tariff,
  { machines }: SimulatedUse,
  random: () => number,
): number {
  let first = Number.POSITIVE_INFINITY;
  if (takenPerHour === 0) return first;
  for (let machine = 0; machine < machines; machine++)
    first = Math.min(first, (-Math.log(1 - random()) / takenPerHour) * 3600);
  return first;
}

function meter(tariff: Tariff, { diskGb }: SimulatedUse, { begin, end }: Life): number {
  let machineHour = tariff.hour;
  for (const rebate of tariff.rebates ?? []) machineHour *= rebate;
  machineHour += tariff.linkHour ?? 0;
  let paid = 0;
  let money = 0;
  const isOpen = (): boolean =>
    paid < end - begin || paid < (tariff.least ?? 0) || (tariff.isPaidFirst === true && paid === 0);
  while (isOpen()) {
    money += (machineHour * tariff.piece) / 3600;
    paid += tariff.piece;
  }
  const besidesPerDay = (tariff.diskGbDay ?? 0) * diskGb + (tariff.addressHour ?? 0) * 24;
  // What is beside the machine is read off every minute, the last of them in part.
  for (let at = begin; at < end; at += 60)
    money += (besidesPerDay * Math.min(60, end - at)) / 86_400;
  return money;
}
