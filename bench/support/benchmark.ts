/** One limit of the design and what this machine makes of it. */
export interface Line {
  /** What was measured, as the table shows it. */
  readonly what: string;
  readonly value: number;
  /** `x` is a ratio of two things measured side by side in this run. */
  readonly unit: "x" | "ms" | "s" | "MiB" | "%" | "";
  readonly limit: number;
  /** Must the value be at most, or at least, the limit? */
  readonly side: "most" | "least";
  /** The figures behind the value, for a reader who wants to judge it. */
  readonly detail: string;
}

/** What a benchmark was asked for. */
export interface BenchOptions {
  /** Trials of what takes long; each benchmark has a small default of its own. */
  readonly trials?: number;
  /** Also what takes ten minutes? */
  readonly isLong: boolean;
}

/** One file of this folder. */
export interface Benchmark {
  /** The file's name without its ending; what `--only` takes. */
  readonly name: string;
  /** Does it need a Docker engine? */
  readonly needsContainers?: boolean;
  /** Why it cannot be measured here at all; then it is skipped, and that is said. */
  readonly obstacle?: () => string | undefined;
  /** Throws when it cannot be measured at all: that counts as missed. */
  readonly run: (options: BenchOptions) => Promise<readonly Line[]>;
}

/** Is the limit kept? Something that could not be measured is no number, and misses. */
export function isMet({ value, limit, side }: Line): boolean {
  return side === "most" ? value <= limit : value >= limit;
}

/** `1.27 x` and the like, rounded to what the measurement can tell. */
export function formatValue(value: number, unit: Line["unit"]): string {
  const digits =
    unit === "ms" && value >= 10 ? 0 : Math.abs(value) >= 100 ? 0 : unit === "x" ? 2 : 3;
  const text = Number(value.toFixed(digits)).toString();
  if (unit === "x") return `${text}×`;
  return unit === "" ? text : `${text} ${unit}`;
}
