import { readFile, stat } from "node:fs/promises";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "vitest";
import { binPath, runGpujob } from "./support/gpujob.ts";
import { makeMarketHome } from "./support/market.ts";

const market = "# mine\ncurrency: CNY\n";
const offers = 'offers=[{ type: a, gpu: "RTX4090:24GB:1", price: 1 CNY/h }]';

describe("platforms", () => {
  it("adds one that answers, keeps the file's comments, and removes it again", async ({
    expect,
  }) => {
    const place = await makeMarketHome(market);
    const added = await runGpujob(
      ["platforms", "add", "cheap", "--adapter", "mock", "--set", offers],
      place,
    );
    expect(added).toMatchObject({ code: 0, out: expect.stringContaining("1 offer") });
    const text = await readFile(join(place.home, "state/config.yaml"), "utf8");
    expect(text).toContain("# mine");
    expect((await runGpujob(["offers"], place)).out).toContain("cheap");
    expect((await runGpujob(["platforms", "add", "cheap", "--adapter", "mock"], place)).code).toBe(
      2,
    );
    expect((await runGpujob(["platforms", "remove", "cheap"], place)).code).toBe(0);
    expect((await runGpujob(["platforms", "remove", "cheap"], place)).code).toBe(2);
  });

  it("writes nothing when the platform does not answer, or its settings are wrong", async ({
    expect,
  }) => {
    const place = await makeMarketHome(market);
    const wrong = await runGpujob(
      ["platforms", "add", "cheap", "--adapter", "mock", "--set", "ofers=[]"],
      place,
    );
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining("offers") });
    const ssh = [
      "platforms",
      "add",
      "lab",
      "--adapter",
      "ssh-host",
      "--set",
      'hosts=[{ ssh: "me@127.0.0.1:1" }]',
    ];
    const dead = await runGpujob(ssh, place);
    expect(dead.code).not.toBe(0);
    expect(dead.err).toContain("lab was not added");
    expect(await readFile(join(place.home, "state/config.yaml"), "utf8")).toBe(market);
  });

  it("keeps a secret in a file closed to others, and shows it nowhere", async ({ expect }) => {
    const place = await makeMarketHome(market);
    const value = `canary-${process.pid}`;
    const child = spawn(
      process.execPath,
      [
        binPath,
        "platforms",
        "add",
        "cheap",
        "--adapter",
        "mock",
        "--set",
        offers,
        "--secret",
        "endpoint-token",
      ],
      {
        cwd: place.cwd,
        env: {
          PATH: process.env["PATH"] ?? "",
          HOME: place.home,
          GPUJOB_HOME: join(place.home, "state"),
        },
      },
    );
    let said = "";
    child.stdout.on("data", (bytes: Buffer) => (said += bytes.toString()));
    child.stderr.on("data", (bytes: Buffer) => (said += bytes.toString()));
    child.stdin.end(`${value}\n`);
    await new Promise((resolve) => child.once("close", resolve));
    // The mock market takes no secret, so it is refused; what was typed must be gone and unseen.
    expect(said).not.toContain(value);
    await expect(stat(join(place.home, "state/secrets/cheap"))).rejects.toThrow("ENOENT");
  });
});
