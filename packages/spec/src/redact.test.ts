import * as fc from "fast-check";
import { describe, it } from "vitest";
import { createRedactor } from "./redact.ts";
import { Secret } from "./secret.ts";

function inPieces(secrets: readonly string[], bytes: Uint8Array, sizes: readonly number[]): string {
  const stream = createRedactor(secrets).createStream();
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    parts.push(stream.push(bytes.subarray(at, at + size)));
    at += size;
  }
  parts.push(stream.end());
  return Buffer.concat(parts).toString("latin1");
}

const canary = 'can/ary+42 "q"\\é';

describe("redaction", () => {
  it("hides a secret in every usual form", ({ expect }) => {
    const redactor = createRedactor([new Secret(canary)]);
    const forms = [
      canary,
      JSON.stringify({ token: canary }),
      encodeURIComponent(canary),
      encodeURIComponent(canary).toLowerCase(),
      new URLSearchParams({ token: canary }).toString(),
      Buffer.from(canary).toString("base64"),
      Buffer.from(canary).toString("base64url"),
      Buffer.from(`user:${canary}`).toString("base64"),
      Buffer.from(`u:${canary}:more`).toString("base64"),
      Buffer.from(`us:${canary}`).toString("base64"),
    ];
    for (const form of forms) {
      const shown = redactor.redact(`before ${form} after`);
      expect(shown, form).toMatch(/^before .*\[secret\].* after$/);
      expect(shown.length, form).toBeLessThan(45);
    }
  });

  it("hides each line of a secret with several lines", ({ expect }) => {
    const key = "-----BEGIN X-----\nabcdefgh\nijklmnop\n-----END X-----\n";
    const shown = createRedactor([key]).redact(`${key}\r\n> abcdefgh\n> ijklmnop`);
    expect(shown).not.toMatch(/abcdefgh|ijklmnop|BEGIN/);
  });

  it("leaves all other text as it is, and very short secrets too", ({ expect }) => {
    const redactor = createRedactor(["abc", ""]);
    expect(redactor.redact("xabcx 中文\u0000")).toBe("xabcx 中文\u0000");
    expect(createRedactor([]).redact("anything")).toBe("anything");
    expect(createRedactor(["hunter22"]).redact("hunter2 hunter22hunter22 hunter")).toBe(
      "hunter2 [secret][secret] hunter",
    );
  });

  it("merges secrets that overlap, so that nothing of either is seen", ({ expect }) => {
    expect(createRedactor(["abcdef", "defghi", "cde3"]).redact("-abcdefghi-")).toBe("-[secret]-");
    expect(createRedactor(["aaaa"]).redact("aaaaaaaaab")).toBe("[secret]b");
  });

  it("finds a secret wherever the stream is cut", ({ expect }) => {
    const secret = fc.string({
      minLength: 4,
      maxLength: 12,
      unit: fc.constantFrom("a", "b", "é", "/", '"'),
    });
    const around = fc.string({ maxLength: 20, unit: fc.constantFrom("a", "b", "x", "\n") });
    fc.assert(
      fc.property(
        secret,
        secret,
        around,
        around,
        fc.array(fc.nat({ max: 5 }), { maxLength: 40 }),
        (one, two, before, after, sizes) => {
          const bytes = Buffer.from(`${before}${one}${after}${two}${before}`);
          const shown = inPieces([one, two], bytes, sizes);
          expect(shown).not.toContain(Buffer.from(one).toString("latin1"));
          expect(shown).not.toContain(Buffer.from(two).toString("latin1"));
          expect(shown).toBe(inPieces([one, two], bytes, []));
        },
      ),
    );
  });

  it("passes on bytes that hold no secret unchanged, and at once", ({ expect }) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(inPieces(["zzzzzzzz-never"], bytes, [3, 50])).toBe(
          Buffer.from(bytes).toString("latin1"),
        );
      }),
    );
    const stream = createRedactor(["hunter22"]).createStream();
    expect(Buffer.from(stream.push(Buffer.from("line\nhunt"))).toString()).toBe("line\n");
    expect(Buffer.from(stream.push(Buffer.from("ing"))).toString()).toBe("hunting");
  });
});
