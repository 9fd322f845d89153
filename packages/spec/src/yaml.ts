import {
  Composer,
  type CST,
  type Document,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  Parser,
  Lexer,
} from "yaml";
import { quoteText } from "./nearest.ts";
import { createPositions, type Position } from "./position.ts";
import { afterValue, explainSyntax, YamlProblem } from "./yaml-error.ts";
import { createYamlGuard, maxYamlDepth, tooDeep } from "./yaml-guard.ts";

/** Where one value and its key stand, how it was written, and the same for what is inside. */
export interface YamlMark {
  readonly position: Position;
  /** Of the key, for a value of a map. */
  readonly keyPosition?: Position;
  /** The text of an unquoted value, which YAML may have read as something else. */
  readonly source?: string;
  readonly children?: ReadonlyMap<string, YamlMark>;
}

/** A file that was read: plain data, and where each part of it stands. */
export interface YamlFile {
  /** Maps are plain objects without a prototype, so that no key means anything special. */
  readonly value: unknown;
  readonly mark: YamlMark;
}

/** Either the file, or the one thing that is wrong with it. */
export type YamlResult =
  | { readonly ok: true; readonly file: YamlFile }
  | { readonly ok: false; readonly position: Position; readonly message: string };

const maxBytes = 256 * 1024;

/**
 * Reads YAML that nobody has checked. At most 256 KiB, one document, no aliases, anchors, tags, directives, merge keys
 * or duplicate keys, bounded depth; time and memory grow with the length only. Throws nothing.
 */
export function readYaml(input: string | Uint8Array): YamlResult {
  let text = "";
  try {
    text = decode(input);
    refuseControl(text);
    return { ok: true, file: build(text) };
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error;
    const position = createPositions(text)(error.offset);
    return { ok: false, position, message: error.message };
  }
}

function decode(input: string | Uint8Array): string {
  const size = typeof input === "string" ? Buffer.byteLength(input) : input.byteLength;
  if (size > maxBytes) {
    throw new YamlProblem(0, `The file has ${size} bytes; at most ${maxBytes} (256 KiB) are read.`);
  }
  const raw = typeof input === "string" ? input : decodeBytes(input);
  const text = raw.replace(/^\ufeff/, "");
  if (/^\ufffd\ufffd|^.?\0/s.test(text)) throw wrongEncoding("UTF-16");
  return text;
}

function refuseControl(text: string): void {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff]/.exec(text);
  if (control === null) return;
  const code = (text.codePointAt(control.index) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  throw new YamlProblem(control.index, `The control character U+${code} stands here. Remove it.`);
}

function decodeBytes(bytes: Uint8Array): string {
  const isUtf16 =
    (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (isUtf16) throw wrongEncoding("UTF-16");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw wrongEncoding("another encoding than UTF-8");
  }
}

function wrongEncoding(encoding: string): YamlProblem {
  return new YamlProblem(0, `The file is written in ${encoding}. Save it as UTF-8.`);
}

function build(text: string): YamlFile {
  const document = withoutStackTraces(() => compose(text));
  const at = createPositions(text);
  const error = document?.errors[0];
  if (error !== undefined) throw new YamlProblem(error.pos[0], explainSyntax(error, text));
  const contents = document?.contents ?? null;
  if (contents === null) return { value: null, mark: { position: { line: 1, column: 1 } } };
  return convert(contents, { at, text, depth: 0 });
}

/** A hostile file makes the parser create thousands of errors, whose stack traces would take most of the time. */
function withoutStackTraces<T>(work: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function compose(text: string): Document.Parsed | undefined {
  const guard = createYamlGuard();
  const parser = new Parser();
  const composer = new Composer({
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
    schema: "core",
    version: "1.2",
  });
  const documents: Document.Parsed[] = [];
  const take = (token: CST.Token): void => {
    if (token.type === "error") throw new YamlProblem(token.offset, afterValue);
    documents.push(...composer.next(token));
  };
  for (const lexeme of new Lexer().lex(text)) {
    guard(lexeme);
    for (const token of parser.next(lexeme)) take(token);
    if (parser.stack.length > maxYamlDepth) throw tooDeep(parser.offset);
  }
  for (const token of parser.end()) take(token);
  documents.push(...composer.end());
  if (documents.length > 1) {
    throw new YamlProblem(parser.offset, "The file holds several documents. Keep one per file.");
  }
  return documents[0];
}

interface Context {
  readonly at: (offset: number) => Position;
  readonly text: string;
  readonly depth: number;
  readonly keyPosition?: Position;
}

function convert(node: unknown, context: Context): YamlFile {
  const offset = startOf(node);
  if (context.depth > maxYamlDepth) throw tooDeep(offset);
  const { keyPosition, at } = context;
  const base = { position: at(offset), ...(keyPosition === undefined ? {} : { keyPosition }) };
  if (isMap(node)) return convertMap(node.items, base, context);
  if (isSeq(node)) return convertList(node.items, base, context);
  if (!isScalar(node)) return { value: null, mark: { ...base, source: "" } };
  const isPlain = node.type === "PLAIN" || node.type === undefined;
  return { value: node.value, mark: isPlain ? { ...base, source: node.source ?? "" } : base };
}

function convertList(items: readonly unknown[], base: YamlMark, context: Context): YamlFile {
  const children = new Map<string, YamlMark>();
  const value = items.map((item, index) => {
    const child = convert(item, { at: context.at, text: context.text, depth: context.depth + 1 });
    children.set(String(index), child.mark);
    return child.value;
  });
  return { value, mark: { ...base, children } };
}

function convertMap(items: readonly Pair[], base: YamlMark, context: Context): YamlFile {
  const children = new Map<string, YamlMark>();
  const value: Record<string, unknown> = Object.create(null);
  for (const item of items) {
    const offset = startOf(item.key);
    const key = readKey(item.key, offset);
    const first = children.get(key)?.keyPosition;
    if (first !== undefined) {
      throw new YamlProblem(
        offset,
        `The key ${quoteText(key)} is already there in line ${first.line}. Remove one of the two.`,
      );
    }
    const keyPosition = context.at(offset);
    const child = convert(item.value, { ...context, depth: context.depth + 1, keyPosition });
    const hasPlace = child.value !== null || child.mark.source !== "";
    children.set(key, hasPlace ? child.mark : { ...child.mark, position: keyPosition });
    value[key] = child.value;
  }
  return { value, mark: { ...base, children } };
}

function readKey(node: unknown, offset: number): string {
  if (!isScalar(node)) throw new YamlProblem(offset, "A key must be plain text. Put it in quotes.");
  const key = typeof node.value === "string" ? node.value : (node.source ?? "");
  if (key === "")
    throw new YamlProblem(offset, "A key is missing before the colon. Write `key: value`.");
  if (key === "<<") {
    throw new YamlProblem(offset, "Merge keys (<<) are not allowed. Write the keys out.");
  }
  if (key === "__proto__") throw new YamlProblem(offset, "__proto__ cannot be a key. Rename it.");
  return key;
}

function startOf(node: unknown): number {
  if (typeof node !== "object" || node === null || !("range" in node)) return 0;
  const { range } = node;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : 0;
}

/** The mark of the value at `path`, or of the nearest one around it when there is none. */
export function markAt(mark: YamlMark, path: readonly PropertyKey[]): YamlMark {
  let found = mark;
  for (const key of path) {
    const child = found.children?.get(String(key));
    if (child === undefined) return found;
    found = child;
  }
  return found;
}
