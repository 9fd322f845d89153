import { CST } from "yaml";
import { quoteText } from "./nearest.ts";
import { YamlProblem } from "./yaml-error.ts";

/** Deeper than any job file; bounds the recursion of everything that walks the tree. */
export const maxYamlDepth = 64;
/** About 1,500 keys, or 300 hosts of a laboratory. Bounds time and memory, because the parser costs so much per token at most. */
const maxTokens = 12_000;
/** Indicators such as `- - -` in a row; each is a level of recursion in the lexer. */
const maxIndicators = 32;

/**
 * Looks at lexical tokens before the parser does and throws `YamlProblem` for what job files never contain: aliases,
 * anchors, tags, directives, second documents, and amounts that would take the parser too long.
 */
export function createYamlGuard(): (lexeme: string) => void {
  let offset = 0;
  let tokens = 0;
  let flowDepth = 0;
  let indicators = 0;
  let starts = 0;
  let ends = 0;
  let isPlainText = false;
  let previous = "";
  return (lexeme) => {
    const start = offset;
    const type = isPlainText ? "text" : (CST.tokenType(lexeme) ?? "text");
    isPlainText = type === "scalar";
    if (!isMark(type)) offset += lexeme.length;
    tokens += 1;
    if (tokens > maxTokens) throw new YamlProblem(start, "The file has too many keys. Shorten it.");
    refuseFeatures(type, lexeme, start);
    if (type === "doc-start") starts += 1;
    if (type === "doc-end") ends += 1;
    if (starts > 1 || ends > 1 || (type === "doc-start" && ends > 0)) {
      throw new YamlProblem(start, "A second document starts here. Keep one document per file.");
    }
    flowDepth += depthChange(type);
    if (flowDepth < 0)
      throw new YamlProblem(
        start,
        "A bracket is closed that was never opened. Remove it, or put the whole value in quotes.",
      );
    indicators = isIndicator(type) ? indicators + 1 : type === "space" ? indicators : 0;
    if (flowDepth > maxYamlDepth || indicators > maxIndicators) throw tooDeep(start);
    refuseNeighbours(previous, type, start);
    if (type !== "space" && !isMark(type)) previous = type;
  };
}

const afterBracket =
  'Text follows a closing bracket. Put a string with braces or brackets in quotes, such as "{a,b}.json".';

/** The complaint about nesting, for everyone who measures depth. */
export function tooDeep(offset: number): YamlProblem {
  return new YamlProblem(
    offset,
    `The file is nested deeper than ${maxYamlDepth} levels. Flatten it.`,
  );
}

/** Tokens that stand for no character of the text. */
function isMark(type: string): boolean {
  return type === "scalar" || type === "doc-mode" || type === "flow-error-end";
}

function isIndicator(type: string): boolean {
  return type === "seq-item-ind" || type === "explicit-key-ind" || type === "map-value-ind";
}

function depthChange(type: string): number {
  if (type === "flow-map-start" || type === "flow-seq-start") return 1;
  return type === "flow-map-end" || type === "flow-seq-end" ? -1 : 0;
}

function refuseFeatures(type: string, lexeme: string, offset: number): void {
  const shown = quoteText(lexeme);
  if (type === "alias") {
    const what = /[./*]/.test(lexeme.slice(1)) ? "a pattern" : "text";
    throw new YamlProblem(
      offset,
      `A value that starts with * is an alias in YAML, and aliases are not allowed. If it is ${what}, put it in quotes: ${shown}.`,
    );
  }
  if (type === "anchor") {
    throw new YamlProblem(
      offset,
      `A value that starts with & is an anchor in YAML, and anchors are not allowed. If it is text, put it in quotes: ${shown}.`,
    );
  }
  if (type === "tag") {
    throw new YamlProblem(
      offset,
      `A value that starts with ! is a tag in YAML, and tags are not allowed. If it is text, put the whole value in quotes.`,
    );
  }
  if (type === "directive" || type === "directive-line") {
    throw new YamlProblem(offset, "Lines that start with % are not allowed. Remove the line.");
  }
  if (type === "byte-order-mark") {
    throw new YamlProblem(offset, "A byte order mark stands inside the file. Remove it.");
  }
}

/** What is never valid, and would make the parser report thousands of errors. */
function refuseNeighbours(previous: string, type: string, offset: number): void {
  const isText = type === "single-quoted-scalar" || type === "double-quoted-scalar";
  const isAfterText = previous === "single-quoted-scalar" || previous === "double-quoted-scalar";
  if (isAfterText && (isText || type === "text")) {
    throw new YamlProblem(
      offset,
      "Text follows a closing quote. Put the whole value in one pair of quotes.",
    );
  }
  const isClosed = previous === "flow-map-end" || previous === "flow-seq-end";
  const isOpening = type === "flow-map-start" || type === "flow-seq-start";
  if (isClosed && (isText || isOpening || type === "text"))
    throw new YamlProblem(offset, afterBracket);
  if (type === "comma" && /^(?:comma|flow-(?:map|seq)-start)$/.test(previous)) {
    throw new YamlProblem(offset, "A comma has no value before it. Remove it.");
  }
}
