import { readFile } from "node:fs/promises";
import { describe, it } from "vitest";
import { findCards } from "../src/cards.ts";
import { readReport } from "../src/report.ts";

function nvidia(...rows: readonly string[]): string {
  return rows.map((row) => `nvidia\t${row}\n`).join("");
}

describe("findCards", () => {
  it("reads NVIDIA cards, what is in use, and NVLink between all", ({ expect }) => {
    const report = readReport(
      `${nvidia("0, GPU-a, 81559, 3, NVIDIA A100-SXM4-80GB", "1, GPU-b, 81559, 3, NVIDIA A100-SXM4-80GB")}apps\tGPU-b, 77\ntopo\tGPU0 X NV12 SYS 0-31\ntopo\tGPU1 NV12 X SYS 0-31\n`,
    );
    expect(findCards(report, undefined, undefined)).toEqual({
      gpu: {
        vendor: "nvidia",
        model: "A100",
        variant: "SXM4",
        vramGib: 80,
        count: 2,
        interconnect: "nvlink",
      },
      cards: ["0", "1"],
      busy: ["1"],
      notes: [],
    });
  });

  it("reads Ascend cards, their memory and their processes", async ({ expect }) => {
    const text = await readFile(new URL("../fixtures/npu-smi-info.txt", import.meta.url), "utf8");
    const report = readReport(
      text
        .split("\n")
        .map((line) => `npu\t${line}\n`)
        .join(""),
    );
    const found = findCards(report, undefined, undefined);
    expect(found).toMatchObject({
      gpu: { vendor: "ascend", vramGib: 64, count: 2 },
      cards: ["0", "1"],
      busy: ["1"],
    });
  });

  it("lets the declared cards stand, and says when the host shows fewer", ({ expect }) => {
    const declared = {
      gpu: { vendor: "nvidia", model: "RTX4090", vramGib: 24, count: 2 },
    } as const;
    const found = findCards(
      readReport(nvidia("0, GPU-a, 24564, 3, NVIDIA GeForce RTX 4090")),
      declared,
      "pcie",
    );
    expect(found).toMatchObject({
      gpu: { count: 2, interconnect: "pcie" },
      cards: ["0", "1"],
      notes: ["2 cards are declared, and the host shows 1"],
    });
  });

  it("offers a machine without cards as a whole, with the words of a tool that fails", ({
    expect,
  }) => {
    const found = findCards(
      readReport(
        nvidia("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."),
      ),
      undefined,
      undefined,
    );
    expect(found.cards).toEqual(["host"]);
    expect(found.gpu).toBeUndefined();
    expect(found.notes[0]).toMatch(/NVIDIA-SMI has failed/);
  });

  it("offers only one model of a mixed host, and says so", ({ expect }) => {
    const found = findCards(
      readReport(
        nvidia("0, GPU-a, 24564, 3, NVIDIA GeForce RTX 4090", "1, GPU-b, 16380, 3, Tesla T4"),
      ),
      undefined,
      undefined,
    );
    expect(found.cards).toEqual(["0"]);
    expect(found.notes[0]).toMatch(/another model/);
  });
});

describe("readReport", () => {
  it("tells what is with Docker, and nothing where it cannot be read", ({ expect }) => {
    expect(readReport("docker\tforbidden\n").docker).toBe("forbidden");
    expect(readReport("docker\tperhaps\n")).not.toHaveProperty("docker");
  });
});
