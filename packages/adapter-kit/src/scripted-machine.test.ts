import { GpujobError, PlatformError } from "@gpujob/spec";
import { describe, it } from "vitest";
import { findLeasedMachine, machineError, scriptRefusal } from "./scripted-machine.ts";

const place = { platform: "lab", operation: "createLease" };

describe("a machine that is asked by a script", () => {
  it("refuses by the table, and breaks the contract with a code that is not in it", ({
    expect,
  }) => {
    const table = [{ code: "taken", kind: "no_capacity", scope: "offer", example: "t" }] as const;
    const refusal = (code: string): unknown =>
      scriptRefusal(table, { code, text: "it is full" }, "box", place).failure;
    expect(refusal("taken")).toMatchObject({
      kind: "no_capacity",
      scope: "offer",
      message: "lab: box: it is full.",
    });
    expect(refusal("moon")).toMatchObject({ kind: "contract_violation" });
  });

  it("is named in whatever goes wrong on the way to it, with what its user can do", ({
    expect,
  }) => {
    const silent = new PlatformError("unreachable", "203.0.113.7: no answer", { scope: "host" });
    const hints = { unreachable: "Look at the console." };
    expect(machineError(silent, "box", place, hints).failure).toMatchObject({
      ...place,
      kind: "unreachable",
      scope: "host",
      message: "lab: box: 203.0.113.7: no answer",
      hint: "Look at the console.",
    });
    const key = new GpujobError("config_invalid", "The key can be read by others.", {
      hint: "chmod",
    });
    expect(machineError(key, "box", place).failure).toMatchObject({
      kind: "unauthorized",
      hint: "chmod",
    });
    expect(machineError(new Error("boom"), "box", place).kind).toBe("contract_violation");
    const own = new PlatformError("forbidden", "lab: no.", { platform: "lab" });
    expect(machineError(own, "box", place)).toBe(own);
  });

  it("is found by its lease, and missed when it has left the configuration", ({ expect }) => {
    const key = "k".repeat(32);
    expect(findLeasedMachine(`box-${key}`, [{ name: "box" }], place)?.leaseKey).toBe(key);
    expect(findLeasedMachine("i-123", [{ name: "box" }], place)).toBeUndefined();
    expect(() => findLeasedMachine(`gone-${key}`, [{ name: "box" }], place)).toThrow(
      "no longer in the configuration",
    );
  });
});
