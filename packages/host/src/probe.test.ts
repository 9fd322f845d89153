import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import type { HostProbe } from "@gpujob/spec";
import { describe, it } from "vitest";
import { parseProbe } from "./probe.ts";
import type { TestHost } from "./testing/test-host.ts";
import { createTestHost, findShell } from "./testing/test-host.ts";

const { signal } = new AbortController();
/** Everything is real but the card: windows are a few hundredths of a second then. */
const quickly = { signal, seconds: 1, downloads: [] };
/** The tests read 512 MiB from a disk that others use too. */
const patience = { timeout: 180_000 };

/** A vendor's tool that tells of two cards, of which the second is too hot and capped. */
const vendorTool = `
case "$*" in
  *memory.total*) echo '0, NVIDIA GeForce RTX 4090, 24564, 550.127.05'; echo '1, NVIDIA GeForce RTX 4090, 24564, 550.127.05' ;;
  *power.limit*) echo '0, 450.00, 450.00'; echo '1, 300.00, 450.00' ;;
  *pcie*) echo '0, 4, 16, 16'; echo '1, 4, 16, 8' ;;
  *throttle*)
    echo '0, Not Active, Not Active, Not Active, Not Active, 61'
    echo '1, Active, Active, Not Active, Not Active, 91' ;;
esac`;

/** A stand-in for PyTorch with two cards, whose work is waiting. */
const fakeTorch = `
import time
__version__ = "2.8.0"
float16 = uint8 = None
class Tensor:
    def __init__(self, amount): self.amount = amount
    def copy_(self, other, non_blocking=False): time.sleep(0.002)
    def pin_memory(self): return self
def randn(*size, **_): return Tensor(1)
def empty(*size, **_): return Tensor(size[0])
def matmul(left, right, out): time.sleep(0.001)
class cuda:
    @staticmethod
    def is_available(): return True
    @staticmethod
    def device_count(): return 2
    @staticmethod
    def set_device(index): pass
    @staticmethod
    def synchronize(index): pass
`;

function findPython(): string | undefined {
  try {
    const print = ["-c", "import sys; print(sys.executable)"];
    return execFileSync("python3", print, { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

function probe(host: TestHost, options: Partial<typeof quickly> & object = {}): Promise<HostProbe> {
  if (host.session.probe === undefined) throw new Error("This host cannot be probed.");
  return host.session.probe({ ...quickly, ...options });
}

for (const shell of ["dash", "bash", "busybox"] as const) {
  const { problem } = findShell(shell);
  describe.skipIf(problem !== undefined)(`a probe under ${shell}`, patience, () => {
    it("tells what the vendor's tool says, says what it could not measure, and leaves nothing behind", async ({
      expect,
    }) => {
      await using host = createTestHost(shell);
      host.addTool("nvidia-smi", vendorTool);
      for (const name of ["python3", "python"]) host.addTool(name, "exit 127");
      const found = await probe(host);
      expect(found).toMatchObject({
        driver: "550.127.05",
        cards: [
          { index: 0, name: "NVIDIA GeForce RTX 4090", powerLimitWatts: 450, slowedBy: [] },
          {
            index: 1,
            powerLimitWatts: 300,
            usualPowerLimitWatts: 450,
            slowedBy: ["heat"],
            pcie: { generation: 4, mostLanes: 16, lanes: 8 },
            windowTflops: [],
          },
        ],
      });
      expect(found.cards[0]?.vramGib).toBeCloseTo(23.99);
      expect("method" in found).toBe(false);
      expect(found.unmeasured.join("\n")).toContain("no Python 3 on the machine");
      expect(found.unmeasured.join("\n")).toContain("the place names no mirror");
      expect(readdirSync(host.root)).toEqual([]);
    });
  });
}

describe("a probe", patience, () => {
  it("says so where there is neither a vendor's tool nor a card", async ({ expect }) => {
    await using host = createTestHost("dash");
    for (const name of ["nvidia-smi", "npu-smi"]) host.addTool(name, "exit 1");
    const found = await probe(host);
    expect(found.cards).toEqual([]);
    expect(found.unmeasured.some((line) => line.includes("matrix rate"))).toBe(true);
    const disk = found.unmeasured.some((line) => line.startsWith("disk:"));
    expect(disk || (found.diskWriteMBps ?? 0) > 0).toBe(true);
  });

  const python = findPython();
  it.skipIf(python === undefined)(
    "measures each card in ten windows with the PyTorch that is there, and says when cards do not come together",
    async ({ expect }) => {
      await using host = createTestHost("dash", { PYTHONPATH: "" });
      const folder = join(host.folder, "python");
      mkdirSync(join(folder, "torch"), { recursive: true });
      writeFileSync(join(folder, "torch", "__init__.py"), fakeTorch);
      host.addTool("nvidia-smi", vendorTool);
      host.addTool("python3", `PYTHONPATH=${folder} exec ${python} "$@"`);
      const found = await probe(host);
      expect(found.method).toBe("torch");
      expect(found.cards.map(({ windowTflops }) => windowTflops.length)).toEqual([10, 10]);
      for (const card of found.cards) {
        expect(card.memoryGBps).toBeGreaterThan(0);
        expect(card.inGBps).toBeGreaterThan(0);
        expect(card.outGBps).toBeGreaterThan(0);
      }
      // The stand-in knows no `torch.distributed`.
      expect(found.unmeasured.some((line) => line.startsWith("all-reduce"))).toBe(true);
    },
  );

  it("measures a download for some seconds, and takes no small answer for a speed", async ({
    expect,
  }) => {
    const server = createServer((request, response) =>
      response.end(Buffer.alloc(request.url === "/large" ? 4 << 20 : 100)),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    await using host = createTestHost("bash");
    const url = (path: string): string => `http://127.0.0.1:${port}/${path}`;
    const downloads = [
      { name: "MIRROR", url: url("large") },
      { name: "OTHER", url: url("small") },
    ];
    const found = await probe(host, { downloads } as object);
    server.close();
    expect(found.downloads.map(({ name }) => name)).toEqual(["MIRROR"]);
    expect(found.downloads[0]?.mbps).toBeGreaterThan(0);
    expect(found.unmeasured.some((line) => line.includes("from OTHER: it sent 100 bytes"))).toBe(
      true,
    );
  });

  it("takes a report that was cut short for a broken link, and no text for a figure", ({
    expect,
  }) => {
    expect(() => parseProbe("method torch 2.8\nwindow 0 160\n")).toThrow("cut short");
    expect(parseProbe("download HF 10000000 100.00 101.00\nend\n").downloads).toEqual([
      { name: "HF", mbps: 80 },
    ]);
    const found = parseProbe("card 0 A100\npower 0 [N/A] [N/A]\npcie 0 4 16 [N/A]\nend\n");
    expect(found.cards).toEqual([{ index: 0, name: "A100", windowTflops: [], slowedBy: [] }]);
  });
});
