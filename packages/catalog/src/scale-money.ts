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
  const times = (by.times ?? []).map(toFraction);
  const over = (by.over ?? []).map(toFraction);
  const micros = scaleSmall(money.micros, times, over) ?? scaleLarge(money.micros, times, over);
  return { currency: money.currency, micros };
}

interface Fraction {
  readonly numerator: number;
  readonly denominator: number;
}

const largest = Number.MAX_SAFE_INTEGER;

/** The decimal with the fewest digits that reads as this number, as a fraction of whole numbers. */
function toFraction(value: number): Fraction {
  if (Number.isInteger(value) && Math.abs(value) <= largest) {
    return { numerator: value, denominator: 1 };
  }
  for (let denominator = 10; denominator <= 1e9; denominator *= 10) {
    const numerator = Math.round(value * denominator);
    if (numerator / denominator === value) return { numerator, denominator };
  }
  if (!Number.isFinite(value)) throw new RangeError(`Money cannot be scaled by ${value}.`);
  // Too long a decimal for an exact fraction: twelve digits are far more than any price carries.
  return { numerator: Math.round(value * 1e12), denominator: 1e12 };
}

/** The common case in plain numbers; `undefined` where a step would leave the whole numbers they hold exactly. */
function scaleSmall(
  micros: number,
  times: readonly Fraction[],
  over: readonly Fraction[],
): number | undefined {
  let numerator = micros;
  let denominator = 1;
  for (const { numerator: up, denominator: down } of times) {
    numerator *= up;
    denominator *= down;
  }
  for (const { numerator: up, denominator: down } of over) {
    numerator *= down;
    denominator *= up;
  }
  const isExact = numerator >= 0 && numerator <= largest && denominator <= largest / 2;
  if (!isExact || denominator <= 0) return undefined;
  const rest = numerator % denominator;
  return (numerator - rest) / denominator + (rest * 2 >= denominator ? 1 : 0);
}

function scaleLarge(micros: number, times: readonly Fraction[], over: readonly Fraction[]): number {
  let numerator = BigInt(micros);
  let denominator = 1n;
  for (const { numerator: up, denominator: down } of times) {
    numerator *= BigInt(up);
    denominator *= BigInt(down);
  }
  for (const { numerator: up, denominator: down } of over) {
    numerator *= BigInt(down);
    denominator *= BigInt(up);
  }
  if (denominator === 0n) throw new RangeError("Money cannot be divided by zero.");
  if (denominator < 0n) [numerator, denominator] = [-numerator, -denominator];
  // floor((2n + d) / 2d) is rounding half up; BigInt division cuts towards zero, so step down below it.
  const doubled = 2n * numerator + denominator;
  const quotient = doubled / (2n * denominator);
  return Number(quotient * 2n * denominator > doubled ? quotient - 1n : quotient);
}
