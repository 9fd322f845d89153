import { execFile } from "node:child_process";
import { chmod, chown, mkdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, it, onTestFinished } from "vitest";
import { binPath } from "../cli/support/gpujob.ts";
import { makeFaultHome } from "./support/fault-home.ts";
import type { FaultHome } from "./support/fault-home.ts";
import { plainScenario } from "./support/scenarios.ts";

async function makeHome(job: string): Promise<FaultHome> {
  const home = await makeFaultHome({ config: plainScenario.config, jobs: { "job.yaml": job } });
  onTestFinished(() => home.remove());
  return home;
}

const simple = 'name: x\nresources: { gpu: RTX4090 }\nrun: "true"\n';

describe("files that others may read, write or have put there", () => {
  it("are refused as secrets, with the command that closes them", async ({ expect }) => {
    const home = await makeHome(`${simple}secrets: { S: { file: open-secret } }\n`);
    const path = join(home.cwd, "open-secret");
    await writeFile(path, "text", { mode: 0o644 });
    await chmod(path, 0o644);
    const { code, err } = await home.run(["submit", "job.yaml", "-y"]);
    expect(code).not.toBe(0);
    expect(err).toContain(`chmod 600 ${path}`);
    const meter = await home.look((gpujob) => gpujob.mockMeter());
    expect(meter.machines).toEqual([]);
  });

  it("are refused as the state folder and as the user's configuration", async ({ expect }) => {
    const home = await makeHome(simple);
    const state = join(home.home, "state");
    const config = join(state, "config.yaml");
    await chmod(config, 0o666);
    const written = await home.run(["plan", "job.yaml"]);
    expect(written).toMatchObject({
      code: 2,
      err: expect.stringContaining(`chmod go-w ${config}`),
    });
    await chmod(config, 0o600);
    await chmod(state, 0o777);
    const open = await home.run(["ps"]);
    expect(open).toMatchObject({ code: 125, err: expect.stringContaining("chmod 700") });
    await chmod(state, 0o700);
    await rename(state, `${state}-real`);
    await symlink(`${state}-real`, state);
    const linked = await home.run(["ps"]);
    expect(linked).toMatchObject({ code: 125, err: expect.stringContaining("symbolic link") });
    expect(readdirSync(`${state}-real`)).toEqual(["config.yaml"]);
  });

  // Only root can give a file away.
  it.runIf(process.getuid?.() === 0)(
    "are refused as the user's configuration when they belong to somebody else",
    async ({ expect }) => {
      const home = await makeHome(simple);
      const config = join(home.home, "state", "config.yaml");
      await chown(config, 12_345, 12_345);
      const { code, err } = await home.run(["plan", "job.yaml"]);
      expect({ code, err }).toMatchObject({
        code: 2,
        err: expect.stringContaining("belongs to user 12345"),
      });
      expect(err).toContain(`sudo chown 0 ${config}`);
    },
  );

  it("run nothing as a project's configuration before they are named", async ({ expect }) => {
    const home = await makeHome(simple);
    const mark = join(home.truth, "ran");
    const inner = join(home.cwd, "a", "b");
    await mkdir(inner, { recursive: true });
    const config = join(home.cwd, "gpujob.config.yaml");
    const command = JSON.stringify(`touch ${mark}; echo x`);
    await writeFile(
      config,
      `platforms: { evil: { adapter: autodl, token: { command: ${command} }, endpoint: "http://127.0.0.1:9" } }\n`,
    );
    await writeFile(join(inner, "job.yaml"), simple);
    for (const words of [["plan", "a/b/job.yaml"], ["doctor"], ["offers"], ["audit"], ["ps"]]) {
      const { code, err } = await home.run(words);
      if (words[0] !== "ps") expect({ words, code, err }).toMatchObject({ code: 2 });
    }
    expect(existsSync(mark)).toBe(false);
    await home.run(["offers", "--config", config]);
    expect(existsSync(mark)).toBe(true);
  });
});

describe("a log with control sequences", () => {
  it("loses them on a terminal, all but colours, and keeps every byte in its file", async ({
    expect,
  }) => {
    const bytes = String.raw`\033]52;c;aGFjaw==\007\033]0;title\007\033[2J\033[31mred\033[0m\033]8;;http://x\033\\link\n`;
    const home = await makeHome(
      `name: x\nresources: { gpu: RTX4090 }\nrun: |\n  printf '${bytes}'\n`,
    );
    await home.run(["submit", "job.yaml", "-y"]);
    const words = `${process.execPath} ${binPath} logs`;
    const { stdout } = await promisify(execFile)("script", ["-qec", words, "/dev/null"], {
      cwd: home.cwd,
      env: {
        PATH: process.env["PATH"],
        HOME: home.home,
        GPUJOB_HOME: join(home.home, "state"),
        TERM: "xterm",
      },
    });
    expect(stdout.trimEnd()).toBe("\u001b[31mred\u001b[0mlink");
    const [run] = await home.look((gpujob) => gpujob.listRuns({ all: true }));
    const raw = join(home.home, "state", "runs", run?.id ?? "", "logs", "1-0.log");
    expect(await readFile(raw, "latin1")).toBe(
      "\u001b]52;c;aGFjaw==\u0007\u001b]0;title\u0007\u001b[2J\u001b[31mred\u001b[0m\u001b]8;;http://x\u001b\\link\n",
    );
  });
});
