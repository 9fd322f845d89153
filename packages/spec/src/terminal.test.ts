import * as fc from "fast-check";
import { describe, it } from "vitest";
import { createTerminalFilter } from "./terminal.ts";

function shown(bytes: Uint8Array | string, sizes: readonly number[] = []): string {
  const filter = createTerminalFilter();
  const all = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
  let text = "";
  let at = 0;
  for (const size of [...sizes, all.length]) {
    text += filter.push(all.subarray(at, at + size));
    at += size;
  }
  return text + filter.end();
}

describe("the terminal filter", () => {
  it("keeps text, colours, tabs, line feeds and carriage returns", ({ expect }) => {
    const log =
      "ok\t1\r2\n\u001b[1;31mred\u001b[0m \u001b[38;2;1;2;3mtrue\u001b[38:5:9m\u001b[m 中文 é\n";
    expect(shown(log)).toBe(log);
  });

  it("drops titles, clipboard, links, cursor moves, modes and bells", ({ expect }) => {
    const cases = {
      "a\u001b]0;title\u0007b": "ab",
      "a\u001b]52;c;ZXZpbA==\u001b\\b": "ab",
      "\u001b]8;;http://evil\u0007link\u001b]8;;\u0007": "link",
      "a\u001b[2J\u001b[H\u001b[10Ab\u001b[?25lc\u001b[6nd": "abcd",
      "a\u001bPdcs\u001b\\b\u001b_apc\u001b\\c\u001b^pm\u001b\\d\u001bXsos\u001b\\e": "abcde",
      "a\u009b31mb\u009b2Jc\u009d0;t\u009cd\u0090x\u009ce": "a\u001b[31mbcde\u001b[0m",
      "a\u001b(0b\u001bc\u001b7c\u001b[>4;2md\u0007\b\u007f\u0000e": "abcde",
      "a\u001b[31": "a",
      "a\u001b]0;never ended\nnext line": "a\nnext line",
      "a\u001b]0;x\u001b[31mred": "a\u001b[31mred\u001b[0m",
      "a\u001b[3\u0018b": "ab",
    };
    for (const [log, wanted] of Object.entries(cases)) {
      expect(shown(log), JSON.stringify(log)).toBe(wanted);
    }
  });

  it("shows bytes that are no UTF-8 as replacement characters", ({ expect }) => {
    expect(shown(Uint8Array.of(0x61, 0xff, 0x9b, 0x62))).toBe("a\ufffd\ufffdb");
    expect(shown(Uint8Array.of(0xe4, 0xb8))).toBe("\ufffd");
  });

  it("ends colours that the log left on", ({ expect }) => {
    expect(shown("\u001b[31mred")).toBe("\u001b[31mred\u001b[0m");
    expect(shown("\u001b[31mred\u001b[0m")).toBe("\u001b[31mred\u001b[0m");
  });

  it("lets no control through but colours, however the bytes are cut", ({ expect }) => {
    const piece = fc.constantFrom(
      ..."\u001b,[,],31,;,m,J,H,\u0007,\\,\n,x,\u009b,\u009d,\u009c,\u0090,(,?,中,\u0018,P".split(
        ",",
      ),
    );
    const log = fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join("")));
    const sizes = fc.array(fc.nat({ max: 4 }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.oneof(log, fc.uint8Array({ maxLength: 200 })), sizes, (bytes, cuts) => {
        const text = shown(bytes, cuts);
        expect(text).toBe(shown(bytes));
        // oxlint-disable-next-line no-control-regex -- the start of a colour is one
        const rest = text.replaceAll(/\u001b\[[\d;:]*m/g, "");
        // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
        expect(rest).not.toMatch(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/);
      }),
      { numRuns: 500 },
    );
  });

  it("hides no more than a few thousand characters behind a sequence that never ends", ({
    expect,
  }) => {
    expect(shown(`\u001b]0;${"x".repeat(10_000)}`).length).toBeGreaterThan(5000);
    expect(shown(`\u001b[${"1".repeat(10_000)}m`).length).toBeGreaterThan(5000);
  });
});
