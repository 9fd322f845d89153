import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "vitest";
import { renderScripts } from "./testing/embed-scripts.ts";
import { factsScript, helloScript, jobScript, supervisorScript } from "./shell-scripts.ts";
import { findShell } from "./testing/test-host.ts";

describe("the scripts", () => {
  it("are embedded as they stand in src/shell", ({ expect }) => {
    const embedded = readFileSync(new URL("shell-scripts.ts", import.meta.url), "utf8");
    expect(embedded).toBe(renderScripts());
  });

  for (const name of ["dash", "bash", "busybox"] as const) {
    const { path = "", problem } = findShell(name);
    it.skipIf(problem !== undefined)(`are read by ${name} without complaint`, ({ expect }) => {
      for (const script of [supervisorScript, jobScript, helloScript, factsScript]) {
        const args = name === "busybox" ? ["sh", "-n"] : ["-n"];
        const output = execFileSync(path, args, { input: script, encoding: "utf8" });
        expect(output).toBe("");
      }
    });
  }
});
