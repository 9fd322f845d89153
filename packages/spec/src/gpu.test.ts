import { describe, it } from "vitest";
import { GpujobError } from "./errors.ts";
import { parseGpuRequests, parseGpuText } from "./gpu.ts";
import { gpuVendors, parseVendors } from "./gpu-vendor.ts";

const known: ReadonlyMap<string, string> = new Map([
  ["4090", "RTX4090"],
  ["rtx4090", "RTX4090"],
  ["a100", "A100"],
  ["nvidia a100 80gb pcie", "A100"],
  ["h100", "H100"],
  ["h20", "H20"],
  ["910b", "Ascend910B"],
]);
const names = { resolveName: (text: string) => known.get(text.toLowerCase()) };
const one = { min: 1, max: 1 };

function complaint(text: string): string {
  try {
    parseGpuText(text, names);
  } catch (error) {
    if (GpujobError.is(error)) return `${error.message} ${error.failure.hint ?? ""}`.trim();
  }
  return "accepted";
}

describe("the accelerator string", () => {
  it("tells vendor, names, memory and count apart by their shape", ({ expect }) => {
    expect(parseGpuText("A100,H100:80GB:1", names)).toEqual({
      models: ["A100", "H100"],
      vramGib: { min: 80 },
      count: one,
    });
    expect(parseGpuText("nvidia:24GB..48GB:2..4", names)).toEqual({
      vendors: ["nvidia"],
      vramGib: { min: 24, max: 48 },
      count: { min: 2, max: 4 },
    });
    expect(parseGpuText("24GB..", names)).toEqual({ vramGib: { min: 24 }, count: one });
    expect(parseGpuText("a100:8", names)).toEqual({ models: ["A100"], count: { min: 8, max: 8 } });
    expect(parseGpuText("2", names)).toEqual({ count: { min: 2, max: 2 } });
  });

  it("lets a name of the catalogue win over the shape of a number or a size", ({ expect }) => {
    expect(parseGpuText("4090", names)).toEqual({ models: ["RTX4090"], count: one });
    expect(parseGpuText("4090:2", names).count).toEqual({ min: 2, max: 2 });
    expect(parseGpuText("ascend:910B:64GB:8", names).models).toEqual(["Ascend910B"]);
    expect(parseGpuText("H20:8", names).models).toEqual(["H20"]);
    expect(parseGpuText("NVIDIA A100 80GB PCIe", names).models).toEqual(["A100"]);
  });

  it("takes the memory that every name says, unless one is given beside them", ({ expect }) => {
    const sizes = new Map([
      ["NVIDIA A100 80GB PCIe", 80],
      ["RTX4090", undefined],
      ["H100", 94],
    ]);
    const saying = { ...names, statedVramGib: (text: string) => sizes.get(text) };
    const memory = (text: string): unknown => parseGpuText(text, saying).vramGib;
    expect(memory("NVIDIA A100 80GB PCIe:2")).toEqual({ min: 80 });
    expect(memory("NVIDIA A100 80GB PCIe,H100")).toEqual({ min: 80 });
    expect(memory("NVIDIA A100 80GB PCIe,RTX4090")).toBeUndefined();
    expect(memory("NVIDIA A100 80GB PCIe:40GB")).toEqual({ min: 40 });
    expect(parseGpuText("H100:1", saying)).toEqual({
      models: ["H100"],
      vramGib: { min: 94 },
      count: one,
    });
    expect(parseGpuRequests({ name: "H100" }, saying)).toEqual(
      parseGpuRequests({ name: "H100", memory: "94GB" }, saying),
    );
  });

  it("keeps a name that the catalogue does not know", ({ expect }) => {
    expect(parseGpuText("B9000:2", names).models).toEqual(["B9000"]);
    expect(parseGpuText("A100,a100,X1", names).models).toEqual(["A100", "X1"]);
  });

  it("spreads the group of domestic vendors", ({ expect }) => {
    const vendors = parseGpuText("domestic:64GB:8", names).vendors ?? [];
    expect(vendors).toContain("ascend");
    expect(vendors).not.toContain("nvidia");
    expect(vendors).toHaveLength(gpuVendors.length - 3);
    expect(parseVendors("Moore-Threads")).toEqual(["moore-threads"]);
  });

  it("says which part is wrong and what to write", ({ expect }) => {
    const said = [
      "nvidai:A100",
      "A100:80GB:2:4",
      "A100:0",
      "A100:0.5",
      "4091",
      "A100::2",
      "A100:@",
      "A100:8..2",
    ];
    expect(said.map(complaint)).toMatchInlineSnapshot(`
      [
        ""nvidai:A100" has a second name: "A100". "nvidai" is not a vendor. Did you mean "nvidia"?",
        ""A100:80GB:2:4" has a second count: "4". Separate several names with commas. Write it as [vendor:][name,…][:memory][:count], such as "A100,H100:80GB:1" or "24GB..".",
        ""0" is not a number of cards. Leave \`gpu\` out for a machine without accelerators.",
        ""0.5" is not a number of whole cards. Write 8 for exactly 8, 2..4 for a range, or 4.. for at least 4.",
        ""4091" is not a number of cards up to 128. If it is a model, write its full name, such as RTX4090.",
        ""A100::2" is not an accelerator request. Write it as [vendor:][name,…][:memory][:count], such as "A100,H100:80GB:1" or "24GB..".",
        ""@" is not a model, a memory size or a count. Write it as [vendor:][name,…][:memory][:count], such as "A100,H100:80GB:1" or "24GB..".",
        ""8..2" is not a range: its start is above its end. Write 2..8.",
      ]
    `);
  });
});

describe("other forms of a request", () => {
  it("reads a list as an ordered preference, one string as no order", ({ expect }) => {
    const list = parseGpuRequests(["H100:80GB", "A100:2"], names);
    expect(list.isOrderedPreference).toBe(true);
    expect(list.gpus.map((gpu) => gpu.models)).toEqual([["H100"], ["A100"]]);
    expect(parseGpuRequests("H100,A100", names).isOrderedPreference).toBe(false);
    expect(parseGpuRequests(4090, names).gpus[0]?.models).toEqual(["RTX4090"]);
    expect(() => parseGpuRequests(["A100", "A100:x:y"], names)).toThrow("item 2: ");
  });

  it("reads the map form with what the string cannot say", ({ expect }) => {
    const map = {
      vendor: "nvidia",
      name: ["A100", 4090],
      memory: "24GB..",
      count: 2,
      totalMemory: "160GB",
      computeCapability: 8,
    };
    expect(parseGpuRequests(map, names).gpus).toEqual([
      {
        vendors: ["nvidia"],
        models: ["A100", "RTX4090"],
        vramGib: { min: 24 },
        count: { min: 2, max: 2 },
        totalVramGib: { min: 160 },
        computeCapability: { min: 8 },
      },
    ]);
    expect(() => parseGpuRequests({ vendor: "nvidea" }, names)).toThrow('Did you mean "nvidia"?');
    expect(() => parseGpuRequests({ memory: "80" }, names)).toThrow("memory: ");
  });
});
