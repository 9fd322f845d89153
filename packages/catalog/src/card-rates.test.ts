import { it } from "vitest";
import { findGpuModel, findPublishedRates } from "./index.ts";

it("tells the published peaks of a card by its form and memory, and none of a card it does not know", ({
  expect,
}) => {
  const of = (model: string, vramGib: number, variant?: string): unknown =>
    findPublishedRates({ model, vramGib, ...(variant === undefined ? {} : { variant }) });
  expect(of("RTX4090", 24)).toEqual({ tflops: 165, memoryGBps: 1008 });
  expect(of("H100", 80, "SXM5")).toEqual({ tflops: 989, memoryGBps: 3352 });
  // Which form it is was not said: the slower one's peak refuses neither.
  expect(of("H100", 80)).toEqual({ tflops: 756, memoryGBps: 2039 });
  expect(of("A100", 79.3)).toMatchObject({ memoryGBps: 1935 });
  expect(of("A100", 40)).toMatchObject({ memoryGBps: 1555 });
  expect(of("Ascend910B", 64)).toBeUndefined();
  for (const model of ["H20", "L40S", "RTX6000Ada", "RTXA6000", "T4"])
    expect([model, findGpuModel(model) !== undefined]).toEqual([model, true]);
});
