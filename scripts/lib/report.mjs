// @ts-check

/**
 * Counts tests in the report of vitest's JSON reporter. A file that could not be loaded, or whose hooks failed, has no
 * failed test of its own and counts as one.
 *
 * @typedef {{ status: string, assertionResults: readonly { status: string }[] }} FileReport
 * @param {any} report
 * @returns {{ passed: number, failed: number, skipped: number }}
 */
export function countTests(report) {
  /** @type {readonly FileReport[]} */
  const files = report.testResults ?? [];
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of files) {
    const failed = file.assertionResults.filter(({ status }) => status === "failed").length;
    const passed = file.assertionResults.filter(({ status }) => status === "passed").length;
    counts.passed += passed;
    counts.failed += file.status === "failed" ? Math.max(failed, 1) : failed;
    counts.skipped += file.assertionResults.length - passed - failed;
  }
  return counts;
}
