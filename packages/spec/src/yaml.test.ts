import * as fc from "fast-check";
import { describe, it } from "vitest";
import { markAt, readYaml } from "./yaml.ts";

function complaint(text: string | Uint8Array): string {
  const result = readYaml(text);
  return result.ok
    ? "accepted"
    : `${result.position.line}:${result.position.column}: ${result.message}`;
}

describe("reading YAML", () => {
  it("gives plain data and the place of every value and key", ({ expect }) => {
    const result = readYaml("name: a\nlimits:\n  budget: 50 CNY\nports: [80, 6006]\nempty:\n");
    if (!result.ok) throw new Error(result.message);
    expect(JSON.parse(JSON.stringify(result.file.value))).toEqual({
      name: "a",
      limits: { budget: "50 CNY" },
      ports: [80, 6006],
      empty: null,
    });
    const budget = markAt(result.file.mark, ["limits", "budget"]);
    expect(budget.position).toEqual({ line: 3, column: 11 });
    expect(budget.keyPosition).toEqual({ line: 3, column: 3 });
    expect(markAt(result.file.mark, ["ports", 1]).position).toEqual({ line: 4, column: 13 });
    expect(markAt(result.file.mark, ["ports", 7, "x"]).position).toEqual({ line: 4, column: 8 });
    expect(markAt(result.file.mark, ["empty"]).keyPosition?.line).toBe(5);
  });

  it("keeps the text of unquoted values, so that misreadings can be told", ({ expect }) => {
    const result = readYaml("a: 012\nb: 'no'\nc: no\n");
    if (!result.ok) throw new Error(result.message);
    expect(["a", "b", "c"].map((key) => markAt(result.file.mark, [key]).source)).toEqual([
      "012",
      undefined,
      "no",
    ]);
  });

  it("reads an empty file, Windows line ends and a byte order mark", ({ expect }) => {
    expect(readYaml("")).toMatchObject({ ok: true, file: { value: null } });
    expect(readYaml("# nothing\n")).toMatchObject({ ok: true, file: { value: null } });
    expect(readYaml("\ufeffa: 1\r\nb: 2\r\n")).toMatchObject({
      ok: true,
      file: { value: { a: 1, b: 2 } },
    });
    expect(readYaml(new TextEncoder().encode("\ufeffa: 1"))).toMatchObject({
      ok: true,
      file: { value: { a: 1 } },
    });
  });

  it("says in plain words what is wrong and what to do", ({ expect }) => {
    const said = [
      "outputs: [*.json]",
      "outputs: [{a,b}.json]",
      "run: echo a: b",
      "a:\n\tb: 1",
      "a: [1, 2",
      "a: 'x",
      'a: "\\d"',
      "a:1\nb: 2",
      'run: "python" train.py',
      "a: - b",
      "a: @x",
      "a: 1\nb: 2\na: 3",
    ].map(complaint);
    expect(said).toMatchInlineSnapshot(`
      [
        "1:11: A value that starts with * is an alias in YAML, and aliases are not allowed. If it is a pattern, put it in quotes: "*.json".",
        "1:16: Text follows a closing bracket. Put a string with braces or brackets in quotes, such as "{a,b}.json".",
        "1:6: There is a second \`: \` in this value, or a deeper line below a finished value. If it is text, put the whole value in quotes, or write it below \`key: |\`; else check the indentation.",
        "2:1: YAML lines cannot be indented with tabs. Use spaces.",
        "1:9: A bracket is opened and never closed. Add the closing ].",
        "1:6: A quote is opened and never closed. Add the closing quote.",
        "1:5: A backslash starts an escape inside double quotes. Use single quotes, or write it twice.",
        "1:1: A space is missing after the colon. Write \`key: value\`.",
        "1:15: Text follows a closing quote. Put the whole value in one pair of quotes.",
        "1:4: A list cannot start behind a key. Put \`- item\` on the next line, or write [a, b].",
        "1:4: A value cannot start with @ in YAML. Put the whole value in quotes.",
        "3:1: The key "a" is already there in line 1. Remove one of the two.",
      ]
    `);
  });

  it("refuses what job files never need", ({ expect }) => {
    const said = [
      "a: &x 1",
      "a: *x",
      "a: !!str 1",
      "a: !ls",
      "base: 1\n<<: {a: 1}",
      "__proto__: {polluted: true}",
      "---\na: 1\n---\nb: 2",
      "%YAML 1.1\n---\na: 1",
      "? [a]\n: 1",
      ": 1",
      "a: \u001b[31m",
    ].map(complaint);
    expect(said).toMatchInlineSnapshot(`
      [
        "1:4: A value that starts with & is an anchor in YAML, and anchors are not allowed. If it is text, put it in quotes: "&x".",
        "1:4: A value that starts with * is an alias in YAML, and aliases are not allowed. If it is text, put it in quotes: "*x".",
        "1:4: A value that starts with ! is a tag in YAML, and tags are not allowed. If it is text, put the whole value in quotes.",
        "1:4: A value that starts with ! is a tag in YAML, and tags are not allowed. If it is text, put the whole value in quotes.",
        "2:1: Merge keys (<<) are not allowed. Write the keys out.",
        "1:1: __proto__ cannot be a key. Rename it.",
        "3:1: A second document starts here. Keep one document per file.",
        "1:1: Lines that start with % are not allowed. Remove the line.",
        "1:3: A key must be plain text. Put it in quotes.",
        "1:1: A key is missing before the colon. Write \`key: value\`.",
        "1:4: The control character U+001B stands here. Remove it.",
      ]
    `);
    expect(complaint(Buffer.from("\ufeffa: 1", "utf16le"))).toBe(
      "1:1: The file is written in UTF-16. Save it as UTF-8.",
    );
    expect(complaint(Buffer.from("\ufeffa: 1", "utf16le").toString("utf8"))).toContain(
      "Save it as UTF-8.",
    );
    expect(complaint(Uint8Array.of(0x61, 0x3a, 0x20, 0xff))).toContain("Save it as UTF-8.");
  });
});

describe("hostile YAML", () => {
  const size = 256 * 1024;
  const fill = (piece: string): string => piece.repeat(Math.floor(size / piece.length) - 1);

  it("answers bombs, floods and deep nests at once, each with a line", ({ expect }) => {
    const bombs = [
      "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]",
      "x".repeat(2 * 1024 * 1024),
      "[".repeat(20_000),
      "{a: ".repeat(20_000),
      "- ".repeat(20_000),
      "? ".repeat(20_000),
      Array.from({ length: 700 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n"),
      Array.from({ length: 60_000 }, (_, key) => `k${key}: 1`).join("\n"),
      ...[
        ",",
        '"a"',
        "!x ",
        "&a ",
        "*a ",
        "---\n",
        "...\n",
        "%a\n",
        "a: 1\n",
        "-\n",
        ": ",
        "? a\n",
      ].map(fill),
      `[${fill(",")}`,
      `[${fill('"" ')}`,
      `[${fill('"a":')}`,
    ];
    for (const bomb of bombs) expect(complaint(bomb), bomb.slice(0, 20)).toMatch(/^\d+:\d+: .+\.$/);
  });

  it("answers any text, whatever it is", ({ expect }) => {
    const piece = fc.constantFrom(
      ..."- ,? ,: ,&a ,*a ,!t ,[,],{,},\n,\n  ,\t,#c,|\n,>\n,'x',\"y\",\\,---\n,...\n,%d,@,`,a,1,a: ,é".split(
        ",",
      ),
      ",",
    );
    const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: "binary" })), (source) => {
        expect(complaint(source)).toMatch(/^accepted$|^\d+:\d+: .+\.$/s);
      }),
      { numRuns: 500 },
    );
  });
});
