import type { Secret } from "@gpujob/spec";

/** Takes every known secret out of a text. */
export type Redactor = (text: string) => string;

const replacement = "[secret]";
// Shorter ones would tear ordinary words apart, and no platform gives such short secrets.
const shortest = 4;

/**
 * A redactor for these secrets: as they are, URL-encoded, form-encoded, as JSON and in base64, alone or as the password
 * of a `user:password` pair.
 */
export function createRedactor(secrets: readonly Secret[]): Redactor {
  const forms = new Set(secrets.flatMap((secret) => writtenForms(secret.reveal())));
  const patterns = [...forms]
    .filter((form) => form.length >= shortest)
    .toSorted((one, other) => other.length - one.length);
  return (text) => patterns.reduce((rest, pattern) => rest.replaceAll(pattern, replacement), text);
}

function writtenForms(value: string): string[] {
  const encoded = encodeURIComponent(value.toWellFormed());
  return [
    value,
    encoded,
    encoded.toLowerCase(),
    new URLSearchParams({ x: value }).toString().slice("x=".length),
    JSON.stringify(value).slice(1, -1),
    ...base64Forms(value),
  ];
}

/** Inside a longer base64 text the secret looks different for each of the three positions at which it may begin. */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value);
  return [0, 1, 2].flatMap((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
    const wholeBytes = padded.length - (padded.length % 3);
    const first = offset === 0 ? 0 : 4;
    const text = padded.subarray(0, wholeBytes).toString("base64").slice(first);
    const urlText = text.replaceAll("+", "-").replaceAll("/", "_");
    // A piece of a few letters would be found by chance.
    return text.length >= 12 ? [text, urlText] : [];
  });
}
