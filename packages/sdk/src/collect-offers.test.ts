import { it } from "vitest";
import { patienceOf } from "./collect-offers.ts";

it("counts what a person has waited already only where the program was started for this question", ({
  expect,
}) => {
  expect(patienceOf(3000, 0)).toBe(2550);
  expect(patienceOf(3000, 500)).toBe(2050);
  // A driver that has been up for hours waits the whole time.
  expect(patienceOf(3000, 3_600_000)).toBe(2550);
});
