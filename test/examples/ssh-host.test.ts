import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, onTestFinished } from "vitest";
// @boundaries-ignore the transport's own test server is published with no package
import { generateKeyPair } from "../../packages/ssh/src/keys.ts";
// @boundaries-ignore as above
import { startTestServer } from "../../packages/ssh/src/testing/server.ts";
import { runGpujob } from "../cli/support/gpujob.ts";
import { copyExample, type Example } from "./support/example.ts";

/** An SSH server on this computer that knows the example's user, and a home that knows the server. */
async function startHost(home: string): Promise<string> {
  const own = await generateKeyPair();
  const server = await startTestServer({ publicKey: own.publicKey });
  onTestFinished(() => server.close());
  const [kind, key] = server.hostKey.split(" ");
  await mkdir(join(home, ".ssh"), { mode: 0o700 });
  await writeFile(join(home, ".ssh/id_ed25519"), own.privateKey, { mode: 0o600 });
  await writeFile(join(home, ".ssh/known_hosts"), `[127.0.0.1]:${server.port} ${kind} ${key}\n`);
  return `you@127.0.0.1:${server.port}`;
}

/** Writes the example's configuration with an address that exists and folders that nobody else uses. */
async function configure({ folder, home }: Example, address: string): Promise<void> {
  const file = join(folder, "gpujob.config.yaml");
  const written = await readFile(file, "utf8");
  const places = `root: ${home}/host, reservations: ${home}/cards`;
  const host = `      - { ssh: "${address}", gpu: "RTX4090:24GB:2", ${places} }\n`;
  // The example's first lines stay; its hosts make room for ours.
  await writeFile(file, written.replace(/^ {6}- ssh:[^]*$/m, host));
}

describe("examples/ssh-host", () => {
  it("runs on a host over SSH, with one of its cards, and brings the report home", async ({
    expect,
  }) => {
    const example = await copyExample("ssh-host");
    const { folder, home } = example;
    await configure(example, await startHost(home));
    const { code, err } = await runGpujob(["submit", "job.yaml", "-y"], { home, cwd: folder });
    expect({ code, err }).toMatchObject({ code: 0 });
    const run = await example.read("show");
    expect(run).toMatchObject({ state: "succeeded", platform: "lab", billing: "none" });
    const report = await readFile(join(folder, "outputs", String(run["id"]), "report.txt"), "utf8");
    expect(report).toMatch(/^cards +0$/m);
    expect(report).toContain("attempt 1 on lab");
  });

  it("says which hosts do not answer when the addresses are still those of the file", async ({
    expect,
  }) => {
    const { folder, home } = await copyExample("ssh-host");
    const { out } = await runGpujob(["plan", "job.yaml"], { home, cwd: folder });
    expect(out).toContain("No offer fits");
    expect(out).toMatch(/^Missing lab: /m);
  });
});
