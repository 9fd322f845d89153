import { describe, it } from "vitest";
import { runMachine } from "./machine.ts";

/** State names and the ways between them, as the machine itself resolved them. */
function readGraph(): {
  readonly names: readonly string[];
  readonly edges: readonly (readonly [string, string])[];
} {
  const nodes = Object.values(runMachine.states);
  return {
    names: nodes.map((node) => node.key),
    edges: nodes.flatMap((node) =>
      (node.always ?? []).flatMap(({ target = [] }) =>
        target.map((each) => [node.key, each.key] as const),
      ),
    ),
  };
}

/** Every path without repeats from a state to another. */
function walk(from: string, to: string, path: readonly string[] = [from]): string[][] {
  const { edges } = readGraph();
  if (from === to) return [[...path]];
  return edges
    .filter(([source, target]) => source === from && !path.includes(target))
    .flatMap(([, target]) => walk(target, to, [...path, target]));
}

const mayHoldLease = ["acquiring", "booting", "preparing", "running", "collecting", "holding"];

describe("the run machine", () => {
  it("leaves every state that may hold a lease through releasing, on every path", async ({
    expect,
  }) => {
    for (const state of mayHoldLease) {
      const paths = walk(state, "settled");
      expect(paths.length).toBeGreaterThan(0);
      for (const path of paths) expect(path).toContain("releasing");
    }
  });

  it("reaches its end from every state, and every state from its beginning", async ({ expect }) => {
    const { names } = readGraph();
    for (const name of names) {
      expect(walk("planning", name).length, name).toBeGreaterThan(0);
      expect(walk(name, "settled").length, name).toBeGreaterThan(0);
    }
  });
});
