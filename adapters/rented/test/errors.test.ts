import { readFile } from "node:fs/promises";
import { errorTableProblems } from "@gpujob/adapter-kit/testing";
import { it } from "vitest";
import { errorTable } from "../src/errors.ts";
import { readReport } from "../src/report.ts";

const read = (name: string): Promise<string> =>
  readFile(new URL(`../fixtures/${name}.txt`, import.meta.url), "utf8");

it("finds each row of the error table by its fixture", async ({ expect }) => {
  const problems = await errorTableProblems(errorTable, async (name) => {
    const { problem } = readReport(await read(name));
    return problem === undefined ? {} : { code: problem.code, text: problem.text };
  });
  expect(problems).toEqual([]);
});

it("takes an answer that is no report for one that says nothing", async ({ expect }) => {
  expect(readReport(await read("strange-report"))).toEqual({
    cards: [],
    leases: [],
    isEnding: false,
  });
});
