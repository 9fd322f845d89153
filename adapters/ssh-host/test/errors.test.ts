import { readFile } from "node:fs/promises";
import { errorTableProblems } from "@gpujob/adapter-kit/testing";
import { describe, it } from "vitest";
import { errorTable } from "../src/errors.ts";
import { readReport } from "../src/report.ts";

describe("the error table", () => {
  it("finds each of its examples by its own row", async ({ expect }) => {
    const problems = await errorTableProblems(errorTable, async (example) => {
      const text = await readFile(new URL(`../fixtures/${example}.txt`, import.meta.url), "utf8");
      const { problem } = readReport(text);
      return problem ?? {};
    });
    expect(problems).toEqual([]);
  });
});
