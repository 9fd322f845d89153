import { readFile } from "node:fs/promises";
import { errorTableProblems } from "@gpujob/adapter-kit/testing";
import { it } from "vitest";
import { compshareErrors } from "../src/errors.ts";

it("finds each row of the error table by its fixture", async ({ expect }) => {
  const read = (name: string) =>
    readFile(new URL(`../fixtures/${name}.json`, import.meta.url), "utf8");
  const problems = await errorTableProblems(compshareErrors, async (name) =>
    JSON.parse(await read(name)),
  );
  expect(problems).toEqual([]);
});
