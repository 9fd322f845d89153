// @ts-check
import { it } from "vitest";
import { countTests } from "./report.mjs";

/**
 * @param {string} status
 * @param {readonly string[]} tests
 */
const file = (status, tests) => ({
  status,
  assertionResults: tests.map((each) => ({ status: each })),
});

it("counts passed, failed and skipped tests of all files", ({ expect }) => {
  const testResults = [
    file("passed", ["passed", "passed", "skipped", "todo"]),
    file("failed", ["passed", "failed", "failed"]),
  ];
  expect(countTests({ testResults })).toEqual({ passed: 3, failed: 2, skipped: 2 });
});

it("counts a file that could not be loaded as one failure", ({ expect }) => {
  expect(countTests({ testResults: [file("failed", [])] })).toMatchObject({ failed: 1 });
  expect(countTests({ testResults: [file("failed", ["passed"])] })).toMatchObject({ failed: 1 });
});

it("counts nothing where there is no report", ({ expect }) => {
  expect(countTests({})).toEqual({ passed: 0, failed: 0, skipped: 0 });
});
