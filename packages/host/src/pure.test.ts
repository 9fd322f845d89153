import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { parseBeat } from "./beat.ts";
import { parseFacts } from "./facts.ts";
import { namingProblem, parseFound, parseSums, selectByGlobs } from "./list-files.ts";
import { chooseLocalNames } from "./local-names.ts";
import { joinInside } from "./manifest.ts";
import { quoteShell, renderExports } from "./shell-quote.ts";
import { splitBatch } from "./split-batch.ts";
import { tarEnd, tarEntrySize, tarHeader } from "./tar.ts";
import { planRanges, uncovered } from "./upload-ranges.ts";

describe("quoteShell", () => {
  it("gives every value back through a real shell", ({ expect }) => {
    const text = fc.string({ unit: "binary" }).filter((value) => !value.includes("\0"));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 20 }), (values) => {
        const words = values.map(quoteShell).join(" ");
        const script = `for word in ${words}; do printf '%s\\0' "$word"; done`;
        const output = execFileSync("sh", ["-c", script]);
        expect(output).toEqual(Buffer.from(values.map((value) => `${value}\0`).join("")));
      }),
      { numRuns: 50 },
    );
  });

  it("refuses NUL, and names that no shell takes", ({ expect }) => {
    expect(() => quoteShell("a\0b")).toThrow(/NUL/);
    expect(() => renderExports({ "A B": "x" })).toThrow(/no name of a variable/);
    expect(renderExports({ A: "it's" })).toBe(`export A='it'\\''s'\n`);
  });
});

describe("parseBeat", () => {
  it("reads a beat and its end", ({ expect }) => {
    const line = "B 1 up=5 wall=7 boot=b state=ended log=3 code=137 reason=idle started=0 ended=2";
    expect(parseBeat(line)).toEqual({
      uptimeMs: 5,
      wallMs: 7,
      bootId: "b",
      state: "ended",
      logBytes: 3,
      exit: { code: 137, reason: "idle", endedAtMs: 2000 },
    });
  });

  it("refuses junk, and a newer protocol with the way out", ({ expect }) => {
    expect(() => parseBeat("Welcome to Ubuntu")).toThrow(/cannot be read/);
    expect(() => parseBeat("B 2 up=1")).toThrow(/newer than this program/);
  });
});

describe("parseFacts", () => {
  it("reads cards of three vendors and the limits of a container", ({ expect }) => {
    const hygon = {
      card0: {
        "Card Series": "K100_AI",
        "vram Total Memory (MiB)": "65520",
        "vram Total Used Memory (MiB)": "2",
      },
    };
    const facts = parseFacts(
      [
        "boot b",
        "machine m",
        "uptime 12.50 3.00",
        "user u",
        "home /h",
        "root /r",
        "os Linux",
        "architecture x86_64",
        "cpus 64",
        "cpu-limit 800000 100000",
        "memory 131072000",
        "memory-limit max",
        "memory-limit 34359738368",
        "disk 104857600",
        "inodes 7",
        "tool tar",
        "docker forbidden",
        "nvidia 0, NVIDIA A100-SXM4-80GB, 81920, 4, GPU-a",
        "nvidia 1, NVIDIA A100-SXM4-80GB, 81920, 40000, GPU-b",
        "nvidia-process GPU-b other",
        "npu | 0     910B3               | OK            | 93.6        38                0    / 0             |",
        "npu | 0                         | 0000:C1:00.0  | 0           0    / 0          3372 / 65536         |",
        `smi-json ${JSON.stringify(hygon)}`,
        "end",
        "",
      ].join("\n"),
    );
    expect(facts).toMatchObject({
      cpuCount: 8,
      memoryGib: 32,
      diskFreeGib: 100,
      uptimeMs: 12_500,
      inodesFree: 7,
      docker: "forbidden",
    });
    expect(facts.gpus).toEqual([
      { index: 0, name: "NVIDIA A100-SXM4-80GB", vramGib: 80, uuid: "GPU-a", isBusy: false },
      { index: 1, name: "NVIDIA A100-SXM4-80GB", vramGib: 80, uuid: "GPU-b", isBusy: true },
      { index: 0, name: "910B3", vramGib: 64, isBusy: false },
      { index: 0, name: "K100_AI", vramGib: 65_520 / 1024, isBusy: false },
    ]);
  });

  it("refuses facts that were cut short", ({ expect }) => {
    expect(() => parseFacts("boot b\n")).toThrow(/did not finish/);
  });

  it("reads how the machine's own SSH server is reached, and takes no junk for a key", ({
    expect,
  }) => {
    const lines = ["ssh-port 2222", "ssh-key ssh-ed25519 AAAA", "ssh-key x; rm -rf /", "end", ""];
    expect(parseFacts(lines.join("\n")).ssh).toEqual({
      port: 2222,
      hostKeys: ["ssh-ed25519 AAAA"],
    });
    expect(parseFacts("end\n")).not.toHaveProperty("ssh");
  });
});

describe("paths", () => {
  it("stay inside the folder they are for", ({ expect }) => {
    expect(joinInside(".", "./a//b")).toBe("a/b");
    expect(joinInside("x/", "b")).toBe("x/b");
    for (const bad of ["..", "a/../b", "/a", "", "a\0"])
      expect(() => joinInside(".", bad)).toThrow();
    expect(namingProblem("a/b c")).toBeUndefined();
    for (const bad of ["", "/a", "../a", "a//b", "a\nb", "x".repeat(300)]) {
      expect(namingProblem(bad)).toBeDefined();
    }
  });

  it("never fall together on any file system", ({ expect }) => {
    const path = fc.array(fc.constantFrom("a", "A", "con", "x.", "é", "e\u0301", "b~1", "b"), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(
          path.map((parts) => parts.join("/")),
          { maxLength: 30 },
        ),
        (paths) => {
          const files = paths.map((name) => ({
            path: name,
            bytes: 0,
            mode: 0,
            mtimeMs: 0,
            sha256: "",
          }));
          const names = chooseLocalNames(files, "win32").map(({ name }) =>
            name.normalize("NFC").toLowerCase(),
          );
          expect(new Set(names).size).toBe(paths.length);
        },
      ),
    );
  });

  it("match globs as users write them", ({ expect }) => {
    const files = ["a/b/c", "a/d", "m.json", ".h/x"].map((path) => ({ path }));
    const match = (...globs: string[]): string[] =>
      selectByGlobs(files, globs).map(({ path }) => path);
    expect(match("a")).toEqual(["a/b/c", "a/d"]);
    expect(match("./a/*")).toEqual(["a/d", "a/b/c"].toSorted());
    expect(match("**/*.json")).toEqual(["m.json"]);
    expect(match("**")).toHaveLength(4);
    expect(match()).toEqual([]);
  });
});

describe("listings", () => {
  it("are whole or refused", ({ expect }) => {
    const whole = Buffer.from("f 3 644 5 ./a b\nl ./link\n.\n");
    expect(parseFound(whole)).toEqual({
      files: [{ path: "a b", bytes: 3, mode: 0o644, mtimeMs: 5000 }],
      skipped: [{ path: "link", reason: expect.stringContaining("symbolic link") }],
    });
    expect(() => parseFound(Buffer.from("f 3 644 5 ./a\n"))).toThrow(/cut short/);
  });

  it("understand how names are escaped", ({ expect }) => {
    const hash = "0".repeat(64);
    const sums = parseSums(Buffer.from(`${hash}  ./a\n\\${hash}  ./b\\\\c\n.\n`));
    expect([...sums.keys()]).toEqual(["a", String.raw`b\c`]);
  });
});

describe("ranges of a file", () => {
  it("cover exactly what is missing", ({ expect }) => {
    const size = 10 << 20;
    const piece = fc.tuple(fc.nat(159), fc.integer({ min: 1, max: 40 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const have = pieces.map(([at, length]) => ({
          start: at * 65_536,
          end: Math.min(size, (at + length) * 65_536),
        }));
        const ranges = planRanges(uncovered(size, have), "h", 1 << 20);
        const covered = new Uint8Array(160);
        for (const { start, end } of have) covered.fill(1, start / 65_536, end / 65_536);
        for (const { start, end } of ranges) {
          expect(start % 65_536).toBe(0);
          for (let at = start / 65_536; at < end / 65_536; at++)
            covered[at] = (covered[at] ?? 0) + 2;
        }
        // Each piece is either there or sent, never both and never neither.
        expect(covered.every((value) => value === 1 || value === 2)).toBe(true);
      }),
    );
  });
});

describe("splitBatch", () => {
  it("cuts a stream at the listed sizes, however it comes", async ({ expect }) => {
    const sizes = fc.array(fc.nat(5), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 7 }), async (bytes, step) => {
        const whole = Buffer.from(bytes.flatMap((size, at) => Array<number>(size).fill(at)));
        const chunks = (async function* () {
          for (let at = 0; at < whole.length; at += step) yield whole.subarray(at, at + step);
        })();
        const parts: Buffer[] = [];
        const files = bytes.map((size) => ({ bytes: size }));
        for await (const { index, content } of splitBatch(files, chunks)) parts[index] = content;
        expect(
          parts.map((part, at) => part.length === bytes[at] && part.every((byte) => byte === at)),
        ).toEqual(bytes.map(() => true));
      }),
    );
  });
});

describe("tar", () => {
  it("is read by the system's own tar, long names and links too", ({ expect }) => {
    const long = `${"d".repeat(130)}/${"f".repeat(90)}`;
    const entries = [
      { path: "a", bytes: 3, mode: 0o755, mtimeMs: 0 },
      { path: long, bytes: 0, mode: 0o644, mtimeMs: 0 },
      { path: "l", bytes: 0, mode: 0o777, mtimeMs: 0, link: long },
    ];
    const content = Buffer.alloc(512);
    content.write("abc");
    const archive = Buffer.concat([
      ...entries.flatMap((entry) => [tarHeader(entry), ...(entry.bytes > 0 ? [content] : [])]),
      tarEnd(),
    ]);
    const listed = execFileSync("tar", ["-tvf", "-"], { input: archive, encoding: "utf8" });
    expect(listed).toMatch(/^-rwxr-xr-x .* a$/m);
    expect(listed).toContain(`l -> ${long}`);
    const size = entries.reduce((sum, entry) => sum + tarEntrySize(entry), tarEnd().length);
    expect(size).toBe(archive.length);
  });
});
