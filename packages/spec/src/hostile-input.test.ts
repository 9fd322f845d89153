import * as fc from "fast-check";
import { describe, it } from "vitest";
import { parseConfigFile } from "./config-file.ts";
import { mergeConfig } from "./config-merge.ts";
import { GpujobError } from "./errors.ts";
import { parseGpuText } from "./gpu.ts";
import { parseJobFile } from "./job-file.ts";
import { configJsonSchema, jobJsonSchema } from "./json-schema.ts";

const names = { resolveName: () => undefined };

/** The kind of the error of ours, `accepted`, or whatever else was thrown. */
function outcome(call: () => unknown): string {
  try {
    call();
    return "accepted";
  } catch (error) {
    return GpujobError.is(error) ? error.kind : `not ours: ${String(error)}`;
  }
}

const oddTexts = [
  "",
  " ",
  "..",
  "1",
  "-1",
  "80GB",
  "5m",
  "1 CNY/h",
  "a:b:c",
  "~",
  "host:",
  "run:",
  "https://",
  "\u001b]",
  "__proto__",
  "constructor",
];

function filesOf(schema: Readonly<Record<string, unknown>>): fc.Arbitrary<string> {
  const keys = [...JSON.stringify(schema).matchAll(/"([a-zA-Z]+)":\{"(?:description|type|anyOf)/g)];
  const known = fc.constantFrom(
    ...new Set(keys.map((match) => match[1] ?? "")),
    "constructor",
    "toString",
    "x",
  );
  const text = fc.oneof(fc.constantFrom(...oddTexts), fc.string());
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      text,
      fc.double({ noNaN: true }),
      fc.boolean(),
      fc.constant(null),
      tie("list"),
      tie("map"),
    ),
    list: fc.array(tie("any"), { maxLength: 3 }),
    map: fc.dictionary(fc.oneof(known, text), tie("any"), { maxKeys: 5 }),
  }));
  return value.map.map((map) => JSON.stringify(map));
}

describe("input that nobody has checked", () => {
  it("is a job or a list of problems, never a crash", ({ expect }) => {
    fc.assert(
      fc.property(filesOf(jobJsonSchema()), (text) => {
        const said = outcome(() => parseJobFile({ ...names, text, path: "/p/job.yaml" }));
        expect(said).toMatch(/^(?:accepted|spec_invalid)$/);
      }),
      { numRuns: 400 },
    );
  });

  it("is a configuration or a list of problems, never a crash", ({ expect }) => {
    fc.assert(
      fc.property(filesOf(configJsonSchema()), filesOf(configJsonSchema()), (one, other) => {
        const read = (text: string) => parseConfigFile({ ...names, text, path: "/p/config.yaml" });
        const said = outcome(() => mergeConfig([read(one), read(other)]));
        expect(said).toMatch(/^(?:accepted|config_invalid)$/);
      }),
      { numRuns: 400 },
    );
  });

  it("is an accelerator request or one complaint", ({ expect }) => {
    const piece = fc.constantFrom(
      ..."A100,4090,:,..,80GB,2,\\,,nvidia,domestic, ,0,x,@".split(/,(?!$)/),
      ",",
    );
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(fc.oneof(text, fc.string()), (source) => {
        expect(outcome(() => parseGpuText(source, names))).toMatch(/^(?:accepted|usage)$/);
      }),
    );
  });

  it("keeps every control character out of the message", ({ expect }) => {
    const texts = [
      'name: "\\e]0;x\\a"',
      '"\\e[31m": 1',
      'market: "\\x9b31m"',
      'env: { "\\e": 1 }',
      'files: { "\\e": "\\e:x" }',
    ];
    for (const text of texts) {
      try {
        parseJobFile({ ...names, text, path: "/p/job.yaml" });
        expect.unreachable(text);
      } catch (error) {
        expect(GpujobError.is(error) && error.message).toMatch(/^[^\p{Cc}]+$/u);
      }
    }
  });
});
