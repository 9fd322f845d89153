import type { HostProbe, ProbedCard } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";

/** Reads what `probe.sh` printed. Throws `unreachable` when it was cut short. */
export function parseProbe(text: string): HostProbe {
  const lines = text.split("\n").map((line): readonly [string, readonly string[]] => {
    const [key = "", ...words] = line.trim().split(/\s+/);
    return [key, words];
  });
  if (!lines.some(([key]) => key === "end")) {
    throw new PlatformError("unreachable", "The probe of the machine was cut short.", {
      scope: "host",
      operation: "probe",
    });
  }
  const all = (key: string): readonly (readonly string[])[] =>
    lines.flatMap(([found, words]) => (found === key ? [words] : []));
  const method = (["torch", "cublas", "driver"] as const).find(
    (each) => each === all("method")[0]?.[0],
  );
  const driver = all("driver")[0]?.join(" ");
  const allReduce = numberAt(all("all-reduce")[0], 1);
  return {
    ...(method === undefined ? {} : { method }),
    ...(driver !== undefined && /^\d/.test(driver) ? { driver } : {}),
    cards: readCards(all),
    ...(allReduce === undefined ? {} : { allReduceGBps: allReduce }),
    ...named("diskWriteMBps", rateOf(all("disk-write")[0])),
    ...named("diskReadMBps", rateOf(all("disk-read")[0])),
    downloads: all("download").flatMap(([name, ...rest]) => {
      const rate = rateOf(rest);
      return name === undefined || rate === undefined ? [] : [{ name, mbps: rate * 8 }];
    }),
    unmeasured: all("unmeasured").map((words) => words.join(" ")),
  };
}

type Lines = (key: string) => readonly (readonly string[])[];

function readCards(all: Lines): readonly ProbedCard[] {
  const keys = ["card", "window", "memory"];
  const indexes = new Set(keys.flatMap((key) => all(key).map(([index]) => Number(index))));
  return [...indexes]
    .filter((index) => Number.isInteger(index))
    .toSorted((one, other) => one - other)
    .map((index) => readCard(all, index));
}

function readCard(all: Lines, index: number): ProbedCard {
  const of = (key: string): readonly (readonly string[])[] =>
    all(key).flatMap(([at, ...words]) => (Number(at) === index ? [words] : []));
  const name = of("card")[0]?.join(" ");
  const totalMib = numberAt(of("vram")[0], 0);
  const [generation, mostLanes, lanes] = [0, 1, 2].map((at) => numberAt(of("pcie")[0], at));
  const hasPcie = generation !== undefined && mostLanes !== undefined && lanes !== undefined;
  const slowed = new Set(of("throttle").map(([reason]) => reason));
  return {
    index,
    ...named("name", name === "" ? undefined : name),
    ...named("vramGib", totalMib === undefined ? undefined : totalMib / 1024),
    windowTflops: of("window").flatMap((words) => numberAt(words, 0) ?? []),
    ...named("memoryGBps", numberAt(of("memory")[0], 0)),
    ...named("inGBps", numberAt(of("in")[0], 0)),
    ...named("outGBps", numberAt(of("out")[0], 0)),
    ...named("powerLimitWatts", numberAt(of("power")[0], 0)),
    ...named("usualPowerLimitWatts", numberAt(of("power")[0], 1)),
    ...(hasPcie ? { pcie: { generation, mostLanes, lanes } } : {}),
    slowedBy: (["heat", "hardware"] as const).filter((each) => slowed.has(each)),
  };
}

/** Bytes, and the uptime in seconds before and after, as decimal megabytes by the second. */
function rateOf(words: readonly string[] | undefined): number | undefined {
  const [bytes, from, to] = [0, 1, 2].map((at) => numberAt(words, at));
  if (bytes === undefined || from === undefined || to === undefined) return undefined;
  // The clock of the uptime ticks a hundred times a second.
  return bytes / 1e6 / Math.max(0.01, to - from);
}

/** Tools write what they cannot tell as text: that is no figure. */
function numberAt(words: readonly string[] | undefined, at: number): number | undefined {
  const text = words?.[at];
  const value = Number(text);
  return text !== undefined && text !== "" && Number.isFinite(value) ? value : undefined;
}

function named<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [K in Key]?: Value };
function named(key: string, value: unknown): object {
  return value === undefined ? {} : { [key]: value };
}
