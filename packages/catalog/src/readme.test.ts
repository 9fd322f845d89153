import { readFileSync } from "node:fs";
import { it } from "vitest";
import { describeCard } from "./testing/readme-example.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

it("shows an example in the README that is this code, and runs", ({ expect }) => {
  const example = read("testing/readme-example.ts");
  expect(read("../README.md")).toContain(`\`\`\`ts\n${example}\`\`\``);
  expect(describeCard("NVIDIA A100 80GB PCIe", 1)).toBe("A100, 80 GiB, capability 8: 7.12 CNY");
  expect(describeCard("RTX 9999", 1)).toContain("Nobody");
});
