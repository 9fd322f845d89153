import { readFileSync } from "node:fs";
import { describe, it } from "vitest";
import {
  findGpuModel,
  isOtherAccelerator,
  listGpuModels,
  normalizeGpuName,
  resolveGpuName,
  statedVramGib,
} from "./index.ts";

interface Fixture {
  readonly gcp: { readonly names: readonly string[] };
  readonly aws: { readonly names: readonly string[] };
  readonly primeIntellect: {
    readonly cards: readonly { cloudId: string; socket: string; gpuMemory: number }[];
  };
}

// Our own file, whose shape this type describes.
const fixture: Fixture = JSON.parse(
  readFileSync(new URL("../fixtures/accelerator-names.json", import.meta.url), "utf8"),
);

describe("normalizeGpuName", () => {
  it("reads every way of writing one model as that model with its variant", ({ expect }) => {
    const a100 = { vendor: "nvidia", model: "A100", vramGib: 80 };
    expect(normalizeGpuName("A100-SXM4-80GB")).toEqual({ ...a100, variant: "SXM4" });
    expect(normalizeGpuName("NVIDIA A100 80GB PCIe")).toEqual({ ...a100, variant: "PCIe" });
    expect(normalizeGpuName("nvidia-a100-80gb")).toEqual(a100);
    expect(normalizeGpuName("A100_80GB")).toEqual(a100);
    expect(normalizeGpuName("A100-80")).toEqual(a100);
    expect(normalizeGpuName("NVIDIA H100 80GB HBM3")?.variant).toBe("SXM5");
    expect(normalizeGpuName("H100SXM")?.variant).toBe("SXM5");
  });

  it("keeps models apart whose names look alike", ({ expect }) => {
    const pairs = [
      ["4090", "RTX4090"],
      ["4090D", "RTX4090D"],
      ["RTX 3080TI", "RTX3080Ti"],
      ["RTX 6000", "RTX6000"],
      ["RTX 6000 Ada Generation", "RTX6000Ada"],
      ["RTX A6000", "RTXA6000"],
      ["NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTXPRO6000"],
      ["L40S", "L40S"],
      ["L40", "L40"],
      ["L4", "L4"],
      ["T4g", "T4G"],
      ["V100S", "V100S"],
      ["A10G", "A10G"],
      ["H200", "H200"],
      ["GH200 480GB", "GH200"],
    ] as const;
    for (const [text, model] of pairs) expect(resolveGpuName(text), text).toBe(model);
  });

  it("says the memory only when name or model decide it", ({ expect }) => {
    expect(normalizeGpuName("A100")?.vramGib).toBeUndefined();
    expect(normalizeGpuName("RTX 4090")?.vramGib).toBe(24);
    expect(normalizeGpuName("H100 NVL")?.vramGib).toBe(94);
    expect(normalizeGpuName("NVIDIA GH200 480GB")?.vramGib).toBeUndefined();
    expect(normalizeGpuName("Tesla V100 32768 MiB")?.vramGib).toBe(32);
  });

  it("tells the memory that a name says from the one that the model has anyway", ({ expect }) => {
    expect(statedVramGib("A100-SXM4-80GB")).toBe(80);
    expect(statedVramGib("A100-80")).toBe(80);
    expect(statedVramGib("4090")).toBeUndefined();
    expect(statedVramGib("GH200 480GB")).toBeUndefined();
    expect(statedVramGib("RTX 9999 80GB")).toBeUndefined();
  });

  it("knows cards whose memory was changed", ({ expect }) => {
    expect(normalizeGpuName("RTX4090 48GB")).toMatchObject({ model: "RTX4090", vramGib: 48 });
    expect(normalizeGpuName("4090_48G")).toMatchObject({ model: "RTX4090", vramGib: 48 });
    expect(normalizeGpuName("2080Ti 22G")).toMatchObject({ model: "RTX2080Ti", vramGib: 22 });
  });

  it("reads the names of Chinese makers, in both scripts", ({ expect }) => {
    expect(normalizeGpuName("910B")).toEqual({ vendor: "ascend", model: "Ascend910B" });
    expect(normalizeGpuName("昇腾910B4")).toEqual({
      vendor: "ascend",
      model: "Ascend910B",
      variant: "910B4",
      vramGib: 32,
    });
    const pairs = [
      ["海光 BW1000", "BW1000"],
      ["摩尔线程 S5000", "MTTS5000"],
      ["MTT S4000", "MTTS4000"],
      ["壁砺106M", "BR106"],
      ["天垓150", "BI-V150"],
      ["智铠100", "MR-V100"],
      ["燧原 S60", "S60"],
      ["MLU370-X8", "MLU370"],
      ["P800 OAM", "P800"],
      ["MXC500", "MXC500"],
      ["K100_AI", "K100-AI"],
      ["PPU ZW810E", "ZW810E"],
    ] as const;
    for (const [text, model] of pairs) expect(resolveGpuName(text), text).toBe(model);
  });

  it("gives nothing for slices, unknown cards, bare numbers and a maker that contradicts the model", ({
    expect,
  }) => {
    for (const text of [
      "",
      "8",
      "80GB",
      "NVIDIA GPU",
      "RTX 9999",
      "AMD A100",
      "A100-SXM4-80GB MIG 1g.10gb",
      "vGPU-48GB",
      "constructor",
      "__proto__",
    ]) {
      expect(normalizeGpuName(text), text).toBeUndefined();
    }
  });

  it("reads every name that recorded platform answers carry", ({ expect }) => {
    for (const name of [...fixture.gcp.names, ...fixture.aws.names]) {
      expect(normalizeGpuName(name), name).toBeDefined();
    }
    for (const { cloudId, socket, gpuMemory } of fixture.primeIntellect.cards) {
      expect(normalizeGpuName(cloudId), cloudId).toMatchObject({
        variant: socket,
        vramGib: gpuMemory,
      });
    }
  });
});

describe("the catalogue", () => {
  it("has unique ids, each of which is a name of its own model", ({ expect }) => {
    const ids = listGpuModels().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(resolveGpuName(id), id).toBe(id);
  });

  it("reads every alias, also in upper case, as the model that lists it", ({ expect }) => {
    for (const { id, aliases = [] } of listGpuModels()) {
      for (const alias of aliases) expect(resolveGpuName(alias.toUpperCase()), alias).toBe(id);
    }
  });

  it("says for each model where its facts are from and when they were read", ({ expect }) => {
    for (const model of listGpuModels()) {
      expect(model.source).not.toBe("");
      expect(model.observedAt).toMatch(/^\d{4}-\d{2}$/);
      if (model.vendor === "nvidia") expect(model.computeCapability, model.id).toBeGreaterThan(2);
    }
    expect(findGpuModel("A100")?.computeCapability).toBe(8);
    expect(findGpuModel("a100")).toBeUndefined();
  });

  it("tells accelerators that are no GPUs from unknown names", ({ expect }) => {
    for (const name of ["tpu-v4-8", "Inferentia", "Virtex UltraScale (VU9P)", "Qualcomm AI100"]) {
      expect(isOtherAccelerator(name), name).toBe(true);
      expect(resolveGpuName(name), name).toBeUndefined();
    }
    expect(isOtherAccelerator("RTX 9999")).toBe(false);
  });
});
