import type { Money } from "@gpujob/spec";

/**
 * An amount times and divided by decimal numbers, rounded once at the end, half up, to whole micros.
 * The numbers count as the decimals they are written as (0.95 is 95 hundredths), so the result never depends on binary
 * fractions. Throws `RangeError` for a number that is not finite and for a division by zero.
 */
export function scaleMoney(
  money: Money,
  by: { readonly times?: readonly number[]; readonly over?: readonly number[] },
): Money {
  const { times = [], over = [] } = by;
  const micros = scaleSmall(money.micros, times, over) ?? scaleLarge(money.micros, times, over);
  return { currency: money.currency, micros };
}

const largest = Number.MAX_SAFE_INTEGER;

/** The power of ten that makes a number whole, for the decimal with the fewest digits that reads as this number. */
function wholeBy(value: number): number {
  for (let power = 1; power <= 1e9; power *= 10) {
    if (Math.round(value * power) / power === value) return power;
  }
  if (!Number.isFinite(value)) throw new RangeError(`Money cannot be scaled by ${value}.`);
  // Longer than any price is written: twelve digits are far more than enough.
  return 1e12;
}

/** The common case in plain numbers; `undefined` where a step would leave the whole numbers they hold exactly. */
function scaleSmall(
  micros: number,
  times: readonly number[],
  over: readonly number[],
): number | undefined {
  let numerator = micros;
  let denominator = 1;
  for (const value of times) {
    const power = wholeBy(value);
    numerator *= Math.round(value * power);
    denominator *= power;
  }
  for (const value of over) {
    const power = wholeBy(value);
    numerator *= power;
    denominator *= Math.round(value * power);
  }
  const isExact = numerator >= 0 && numerator <= largest && denominator <= largest / 2;
  if (!isExact || denominator <= 0) return undefined;
  const rest = numerator % denominator;
  return (numerator - rest) / denominator + (rest * 2 >= denominator ? 1 : 0);
}

function scaleLarge(micros: number, times: readonly number[], over: readonly number[]): number {
  let numerator = BigInt(micros);
  let denominator = 1n;
  for (const value of times) {
    const power = wholeBy(value);
    numerator *= BigInt(Math.round(value * power));
    denominator *= BigInt(power);
  }
  for (const value of over) {
    const power = wholeBy(value);
    numerator *= BigInt(power);
    denominator *= BigInt(Math.round(value * power));
  }
  if (denominator === 0n) throw new RangeError("Money cannot be divided by zero.");
  if (denominator < 0n) [numerator, denominator] = [-numerator, -denominator];
  // floor((2n + d) / 2d) is rounding half up; BigInt division cuts towards zero, so step down below it.
  const doubled = 2n * numerator + denominator;
  const quotient = doubled / (2n * denominator);
  return Number(quotient * 2n * denominator > doubled ? quotient - 1n : quotient);
}
