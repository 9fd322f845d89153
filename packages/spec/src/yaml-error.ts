import type { YAMLParseError } from "yaml";

/** Raised inside the YAML border only: what is wrong, and at which offset of the text. */
export class YamlProblem extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/** The complaint about text that belongs to no key. */
export const afterValue =
  "Something follows a value that is already complete. Put the whole value in quotes, or check the indentation.";

const quoteIt = "Put the whole value in quotes.";

/** What a syntax error of the YAML parser means for the person who wrote the file, and what to do. */
export function explainSyntax(error: YAMLParseError, text: string): string {
  const line = lineAround(text, error.pos[0]);
  const first = text.charAt(error.pos[0]);
  const explanations: Partial<Record<typeof error.code, string>> = {
    BAD_SCALAR_START: `A value cannot start with ${first} in YAML. ${quoteIt}`,
    BLOCK_AS_IMPLICIT_KEY:
      "There is a second `: ` in this value, or a deeper line below a finished value. " +
      "If it is text, put the whole value in quotes, or write it below `key: |`; else check the indentation.",
    TAB_AS_INDENT: "YAML lines cannot be indented with tabs. Use spaces.",
    BAD_DQ_ESCAPE:
      "A backslash starts an escape inside double quotes. Use single quotes, or write it twice.",
    MULTILINE_IMPLICIT_KEY: explainNoKey(line),
    MISSING_CHAR: explainMissing(error),
    BAD_INDENT: explainIndent(error),
    UNEXPECTED_TOKEN: explainUnexpected(error),
    KEY_OVER_1024_CHARS:
      "A key is longer than 1024 characters. If it is text, put the whole value in quotes.",
  };
  const other = `This is not valid YAML (${error.message}). Check the quotes and the indentation of this line.`;
  return explanations[error.code] ?? other;
}

function explainNoKey(line: string): string {
  if (/:\S/.test(line)) return "A space is missing after the colon. Write `key: value`.";
  return "This line has no `key: value`. Write one, or `- item` in a list.";
}

function explainMissing(error: YAMLParseError): string {
  if (/quote/.test(error.message))
    return "A quote is opened and never closed. Add the closing quote.";
  if (/,/.test(error.message)) return "A comma is missing between two values in brackets. Add it.";
  return "This line has no colon. Write `key: value`, or indent it to belong to the line above.";
}

function explainIndent(error: YAMLParseError): string {
  const end = /end with a ([\]}])/.exec(error.message)?.[1];
  if (end !== undefined) return `A bracket is opened and never closed. Add the closing ${end}.`;
  return "The indentation fits no line above. Start keys of the same map at the same column.";
}

function explainUnexpected(error: YAMLParseError): string {
  if (/block-seq-ind on same line/.test(error.message)) {
    return "A list cannot start behind a key. Put `- item` on the next line, or write [a, b].";
  }
  if (/Block scalar header/.test(error.message)) {
    return "Text after `|` or `>` must start on the next line, indented.";
  }
  return afterValue;
}

function lineAround(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", Math.max(0, offset - 1)) + 1;
  const end = text.indexOf("\n", offset);
  return text.slice(start, end === -1 ? Math.min(text.length, start + 500) : end);
}
