import { errorTableProblems } from "@gpujob/adapter-kit/testing";
import { it } from "vitest";
import { aliyunErrors } from "../src/errors.ts";
import { errorFixtures } from "./error-fixtures.ts";

it("finds each row of the error table by its fixture", async ({ expect }) => {
  const fixtures = await errorFixtures();
  const problems = await errorTableProblems(aliyunErrors, (example) => {
    const found = fixtures.find(({ code }) => code === example);
    if (found === undefined) throw new Error("there is no such fixture");
    return { code: found.code, text: found.message };
  });
  expect(problems).toEqual([]);
});
