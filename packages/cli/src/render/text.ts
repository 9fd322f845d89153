import measure from "fast-string-truncated-width";

/** Most of what is shown; the measuring of anything else begins with the making of large patterns. */
const plain = /^[\x20-\x7E]*$/;

/** Columns that a text takes on a terminal; Chinese characters take two, colours none. */
export function widthOf(text: string): number {
  return plain.test(text) ? text.length : measure(text).width;
}

/** A text cut to `width` columns with `…` at the end; never half a character. Expects a text without colours. */
export function truncate(text: string, width: number): string {
  if (text.length <= width && plain.test(text)) return text;
  const { truncated, index } = measure(text, { limit: width, ellipsis: "…" });
  return truncated ? `${text.slice(0, index)}${width > 0 ? "…" : ""}` : text;
}

/** A text filled with spaces to `width` columns. */
export function pad(text: string, width: number, align: "left" | "right"): string {
  const fill = " ".repeat(Math.max(0, width - widthOf(text)));
  return align === "left" ? text + fill : fill + text;
}

/**
 * A sentence broken into lines of at most `width` columns at spaces and between Chinese characters;
 * a word longer than a line stays whole, so that ids and paths can be copied. Later lines start with `indent`.
 */
export function wrap(text: string, width: number, indent = ""): readonly string[] {
  if (widthOf(text) <= width) return [text];
  const lines: string[] = [];
  let line = "";
  for (const piece of breakable(text)) {
    const next = line === "" && lines.length > 0 ? indent + piece.trimStart() : line + piece;
    if (widthOf(next.trimEnd()) <= width || line.trim() === "") line = next;
    else {
      lines.push(line.trimEnd());
      line = indent + piece.trimStart();
    }
  }
  lines.push(line.trimEnd());
  return lines;
}

/** Words with their leading spaces; wide characters one by one. */
function breakable(text: string): readonly string[] {
  return (
    text.match(
      /\s*(?:[\u2E80-\u9FFF\uF900-\uFAFF\uFF00-\uFFEF]|[^\s\u2E80-\u9FFF\uF900-\uFAFF\uFF00-\uFFEF]+)/gu,
    ) ?? []
  );
}

/** Control characters of foreign text made visible, so that a name cannot move the cursor or forge a line. */
export function tame(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu, "\uFFFD");
}
