import { distance } from "fastest-levenshtein";

/**
 * The name that was most likely meant by `text`, or `undefined` when none is close.
 * Case, `-` and `_` do not count: `max_time` is near `maxTime`.
 */
export function nearestName(text: string, names: readonly string[]): string | undefined {
  const wanted = simplify(text);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const name of names) {
    const candidate = simplify(name);
    if (Math.abs(candidate.length - wanted.length) >= bestDistance) continue;
    const between = distance(wanted, candidate);
    if (between < bestDistance) {
      best = name;
      bestDistance = between;
    }
  }
  return best;
}

function simplify(text: string): string {
  return text
    .slice(0, 100)
    .toLowerCase()
    .replaceAll(/[-_\s]/g, "");
}

/** ` Did you mean "x"?`, or nothing when no name is close. Goes behind a sentence. */
export function didYouMean(text: string, names: readonly string[]): string {
  const name = nearestName(text, names);
  return name === undefined ? "" : ` Did you mean ${quoteText(name)}?`;
}

/** A text from outside as it may stand in a message: in quotes, on one line, without control characters, cut to 60. */
export function quoteText(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 59)}…` : text;
  return JSON.stringify(short).replaceAll(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}
