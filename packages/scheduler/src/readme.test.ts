import { readFileSync } from "node:fs";
import { it } from "vitest";
import { chooseOffer } from "./testing/readme-example.ts";
import { sampleJob, sampleOffer } from "./testing/samples.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

it("shows an example in the README that is this code, and runs", ({ expect }) => {
  const example = read("testing/readme-example.ts");
  expect(read("../README.md")).toContain(`\`\`\`ts\n${example}\`\`\``);
  expect(chooseOffer(sampleJob(), [sampleOffer()])).toBe("cheap: The only offer that fits.");
  expect(chooseOffer(sampleJob(), [])).toContain("No offer fits");
});
