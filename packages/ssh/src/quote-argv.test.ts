import { execFileSync } from "node:child_process";
import { array, assert, property, string } from "fast-check";
import { describe, it } from "vitest";
import { enterShell, quoteArgv } from "./quote-argv.ts";

// Every byte but NUL, as text: argument vectors are UTF-8 here.
const word = string({ unit: "binary", maxLength: 60 }).map((text) => text.replaceAll("\0", ""));
const printAll = `for word do printf '%s\\0' "$word"; done`;

function sh(command: string): string {
  return execFileSync("/bin/sh", ["-c", command], { encoding: "utf8" });
}

describe("quoteArgv", () => {
  it("lets no byte of any word mean anything to a real sh", ({ expect }) => {
    assert(
      property(array(word, { maxLength: 5 }), (words) => {
        const answer = sh(quoteArgv(["/bin/sh", "-c", printAll, "sh", ...words]));
        expect(Buffer.from(answer)).toEqual(Buffer.from(words.map((one) => `${one}\0`).join("")));
      }),
      { numRuns: 150 },
    );
  });

  it("refuses NUL and an empty vector", ({ expect }) => {
    expect(() => quoteArgv(["a\0b"])).toThrow(/NUL/);
    expect(() => quoteArgv([])).toThrow(/empty/);
  });
});

describe("enterShell", () => {
  it("brings every word through a log-in shell byte for byte", ({ expect }) => {
    assert(
      property(array(word, { maxLength: 5 }), (words) => {
        const answer = sh(enterShell(["/bin/sh", "-c", printAll, "sh", ...words]));
        expect(Buffer.from(answer)).toEqual(Buffer.from(words.map((one) => `${one}\0`).join("")));
      }),
      { numRuns: 150 },
    );
  });

  it("uses only what all shells read alike, and cuts it into short words", ({ expect }) => {
    const command = enterShell(["echo", "it's !x \\ \n é".repeat(200)], "mark");
    expect(command).toMatch(/^[\x20-\x7e]+$/);
    expect(command).not.toContain("!");
    expect(Math.max(...command.split("' '").map((part) => part.length))).toBeLessThan(700);
  });

  it("refuses what no machine would take, with another way", ({ expect }) => {
    expect(() => enterShell(["sh", "-c", "x".repeat(131_000)])).toThrow(/standard input/);
  });

  it("refuses a program that a shell would take for an option", ({ expect }) => {
    expect(() => enterShell(["-c"])).toThrow(/begin with/);
    expect(() => enterShell([""])).toThrow(/begin with/);
  });
});
