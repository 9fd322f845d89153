import { generateKeyPairSync } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, vi } from "vitest";
import { runGpujob, startGpujob } from "./support/gpujob.ts";
import type { Call } from "./support/gpujob.ts";
import { jobOf, makeMarketHome, marketOf, readEnvelope } from "./support/market.ts";
import type { Home } from "./support/market.ts";

const file = "job.yaml";

async function makeHome(run: string, market = marketOf()): Promise<Home> {
  return makeMarketHome(market, { [file]: jobOf(run) });
}

async function startJob(at: Home): Promise<Call> {
  const call = startGpujob(["submit", file, "-y"], at);
  await vi.waitUntil(() => call.out().includes("up"), { timeout: 30_000 });
  return call;
}

/** A key of the user's own, so that a login fails for nothing but the machine. */
async function giveKey(home: string): Promise<void> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await mkdir(join(home, ".ssh"), { mode: 0o700 });
  const text = privateKey.export({ type: "pkcs1", format: "pem" });
  await writeFile(join(home, ".ssh/id_rsa"), text, { mode: 0o600 });
}

describe("what a user is told", () => {
  it("calls SSH to a machine that has none a mistake of the line, and names the way there is", async ({
    expect,
  }) => {
    const at = await makeHome("echo up; sleep 60");
    const call = await startJob(at);
    for (const words of [["--print"], ["-L", "6006"], ["--print", "-L", "6006"]]) {
      const { code, err } = await runGpujob(["ssh", "test-run", ...words], at);
      expect(code).toBe(2);
      expect(err).toMatch(/cheap has no SSH/);
      expect(err).toContain("gpujob exec");
    }
    call.kill("SIGTERM");
    await call.result;
  });

  it("says of a name whose runs have all ended that they are over, and which is the newest", async ({
    expect,
  }) => {
    const at = await makeHome("true");
    const ids: string[] = [];
    for (let nth = 0; nth < 2; nth += 1) {
      const { out } = await runGpujob(["submit", file, "-y", "--json"], at);
      ids.push(readEnvelope<{ readonly id: string }>(out).data?.id ?? "");
    }
    const { code, out } = await runGpujob(["stop", "test-run", "--json"], at);
    expect(code).toBe(2);
    const { message } = readEnvelope(out).error ?? {};
    expect(message).toContain("All of them are over");
    expect(message).toContain(`the newest is ${ids[1]}`);
    expect(out).not.toContain("more of the id");
  });

  it("sends nobody whose --host does not answer to a platform that is in no configuration", async ({
    expect,
  }) => {
    const at = await makeHome("true");
    await giveKey(at.home);
    // Nothing listens on the discard port.
    const host = "ssh -p 9 nobody@127.0.0.1";
    const { code, err } = await runGpujob(["submit", file, "-y", "--host", host], at);
    expect(code).toBeGreaterThan(2);
    expect(err).toContain("--host");
    expect(err).not.toContain("gpujob doctor");
  });

  it("says what a market answered without the name of a call inside", async ({ expect }) => {
    const fault = "{ on: create, nth: 1, do: error, kind: no_capacity }";
    const at = await makeHome("true", marketOf([fault]));
    const { err } = await runGpujob(["submit", file, "-y"], at);
    expect(err).toContain("cheap");
    expect(err).not.toContain("createLease");
  });

  it("ends with a sentence when the state folder is deleted while a job runs", async ({
    expect,
  }) => {
    const at = await makeHome("echo up; sleep 60");
    const call = await startJob(at);
    const state = join(at.home, "state");
    // Moved, so that its machines can be ended below.
    const aside = join(at.home, "aside");
    await rename(state, aside);
    const { code, err } = await call.result;
    await rm(state, { recursive: true, force: true });
    await rename(aside, state);
    expect([code, err]).toEqual([125, expect.stringContaining("deleted or replaced")]);
    expect(err.match(/was deleted or replaced/g)).toHaveLength(1);
    expect(err).toContain("gpujob audit");
  });
});
