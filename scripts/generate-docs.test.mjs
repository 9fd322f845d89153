// @ts-check
import { readFileSync } from "node:fs";
import { configJsonSchema, jobJsonSchema } from "@gpujob/spec";
import { describe, it } from "vitest";
import { schemaPages, updatePage } from "./lib/pages.mjs";
import { listKeys, renderTable } from "./lib/schema-table.mjs";
import { replacePart } from "./lib/generated-part.mjs";

describe("the pages of keys", () => {
  it.for(schemaPages)(
    "$file has every key of the schema: node scripts/generate-docs.mjs",
    (one, { expect }) => {
      const page = readFileSync(new URL(`../${one.file}`, import.meta.url), "utf8");
      const schema = one.schema === "job" ? jobJsonSchema() : configJsonSchema();
      expect(page).toBe(updatePage(page, one.part, schema));
    },
  );
});

describe("listKeys", () => {
  it("names keys of maps, of free names and of lists by their path, each once", ({ expect }) => {
    const leaf = { type: "string", description: "A leaf." };
    const map = { type: "object", properties: { leaf } };
    const schema = {
      properties: {
        plain: { anyOf: [{ enum: ["a", "b"] }, map, { ...map, description: "Either." }] },
        free: { additionalProperties: map },
        many: { type: "array", items: map },
      },
    };
    const written = listKeys(schema).map((row) => `${row.key}: ${row.written}: ${row.meaning}`);
    expect(written).toEqual([
      "plain: `a`, `b`, map: Either.",
      "plain.leaf: text: A leaf.",
      "free: : ",
      "free.NAME.leaf: text: A leaf.",
      "many: list: ",
      "many[].leaf: text: A leaf.",
    ]);
  });
});

describe("replacePart", () => {
  it("changes what is between the marks, and refuses a page without them", ({ expect }) => {
    const page = "a\n<!-- begin x, by a script -->\nold\n<!-- end x -->\nb\n";
    const changed = "a\n<!-- begin x, by a script -->\n\nnew $1\n\n<!-- end x -->\nb\n";
    expect(replacePart(page, "x", "new $1")).toBe(changed);
    expect(() => replacePart(page, "y", "")).toThrow("y");
  });
});

describe("renderTable", () => {
  it("pads cells and keeps bars inside of them", ({ expect }) => {
    expect(renderTable(["Name", "N"], [["a|b", "10"]], { right: [1] })).toBe(
      "| Name |   N |\n| ---- | --: |\n| a\\|b |  10 |",
    );
  });
});
