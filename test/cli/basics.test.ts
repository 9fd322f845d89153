import { execFile } from "node:child_process";
import { copyFile, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, it } from "vitest";
import { binPath, makeFolder, runGpujob } from "./support/gpujob.ts";

const run = promisify(execFile);

describe("the built program", () => {
  it("says its version, and loads nothing for it", async ({ expect }) => {
    const home = await makeFolder();
    const manifest = await readFile(resolve(binPath, "../../package.json"), "utf8");
    const version = /"version": "([^"]+)"/.exec(manifest)?.[1];
    const plain = await runGpujob(["--version"], { home });
    expect(plain).toMatchObject({ code: 0, out: `gpujob ${version}\n`, err: "" });
    const { out } = await runGpujob(["--version", "--json"], { home });
    expect(JSON.parse(out)).toMatchObject({ ok: true, data: { version } });
  });

  it("shows its help on stdout", async ({ expect }) => {
    const home = await makeFolder();
    for (const argv of [[], ["--help"], ["help"], ["submit", "--help"], ["help", "audit"]]) {
      const { code, out, err } = await runGpujob(argv, { home });
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toContain("USAGE");
    }
  });

  it("ends with 2 for a mistake on the line, and says what was meant", async ({ expect }) => {
    const home = await makeFolder();
    const mistakes: readonly (readonly [string, string])[] = [
      ["sumbit job.yaml", "gpujob submit"],
      ["submit job.yaml --max-prise 3", "--max-price"],
      ["submit job.yaml --market cheap", "on-demand"],
      ["plan job.yaml --refresh --cached", "give one"],
      ["plan job.yaml --run r-1", "takes no job"],
      ["submit job.yaml --tolerance 5%", "--plan"],
      ["submit --plan plan.json --on r-1 -y", "give one"],
      ["submit --plan plan.json --tolerance much -y", "5%"],
      ["run job.yaml", "gpujob submit"],
      ["attach r-1", "gpujob logs"],
      ["submit", "init"],
      ["submit job.yaml", "-y"],
      ["ps extra", "extra"],
      ["retry", "RUN"],
    ];
    for (const [line, said] of mistakes) {
      const { code, out, err } = await runGpujob(line.split(" "), { home });
      expect({ line, code, out }).toEqual({ line, code: 2, out: "" });
      expect(err).toContain(said);
    }
  });

  it("prints one envelope and nothing else for a mistake with --json", async ({ expect }) => {
    const home = await makeFolder();
    for (const line of [
      "nope --json",
      "--json submit",
      "cost --advise --csv --json",
      "serve --json",
    ]) {
      const { code, out, err } = await runGpujob(line.split(" "), { home });
      expect({ line, code, err }).toEqual({ line, code: 2, err: "" });
      expect(out.trimEnd().split("\n")).toHaveLength(1);
      expect(JSON.parse(out)).toMatchObject({ ok: false, error: { exitCode: 2 }, warnings: [] });
    }
  });

  it("prints completion scripts that the shells accept", async ({ expect }) => {
    const home = await makeFolder();
    for (const shell of ["bash", "zsh", "fish"]) {
      const { code, out } = await runGpujob(["completion", shell], { home });
      expect(code).toBe(0);
      expect(out).toContain("submit");
      const file = join(home, `completion.${shell}`);
      await writeFile(file, out);
      const isThere = await run("which", [shell]).then(
        () => true,
        () => false,
      );
      if (isThere) await run(shell, ["-n", file]);
    }
  });

  it("completes commands, flags and words in bash", async ({ expect }) => {
    const home = await makeFolder();
    const { out } = await runGpujob(["completion", "bash"], { home });
    const file = join(home, "completion.bash");
    await writeFile(file, out);
    const complete = async (...words: readonly string[]): Promise<readonly string[]> => {
      const script = [
        `source ${file}`,
        `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})`,
        `COMP_CWORD=${words.length - 1}`,
        "_gpujob",
        'printf "%s\\n" "${COMPREPLY[@]}"',
      ];
      const { stdout } = await run("bash", ["-c", script.join("\n")]);
      return stdout.split("\n").filter((word) => word !== "");
    };
    expect(await complete("gpujob", "su")).toEqual(["submit"]);
    expect(await complete("gpujob", "submit", "--dr")).toEqual(["--dry-run"]);
    expect(await complete("gpujob", "completion", "z")).toEqual(["zsh"]);
  });

  it("writes no colours into a pipe, and ends quietly when its reader is gone", async ({
    expect,
  }) => {
    const home = await makeFolder();
    const script = `"$0" "$1" --help | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await run("bash", ["-c", script, process.execPath, binPath], {
      env: { PATH: process.env["PATH"], HOME: home },
    });
    expect(stdout.trimEnd().split("\n").at(-1)).toBe("0");
    expect(stdout).not.toContain("\u001B");
    expect(stderr).toBe("");
  });

  it("says to build it when that was not done", async ({ expect }) => {
    const home = await makeFolder();
    await mkdir(join(home, "bin"));
    await copyFile(binPath, join(home, "bin/gpujob.js"));
    await cp(resolve(binPath, "../../package.json"), join(home, "package.json"));
    const call = run(process.execPath, [join(home, "bin/gpujob.js"), "ps"]);
    await expect(call).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("npm run build"),
    });
  });

  it("writes a job file from flags, and never over another one", async ({ expect }) => {
    const home = await makeFolder();
    const words = ["init", "job.yaml", "--run", 'echo "a: b"', "--gpu", "RTX4090", "--name", "x"];
    expect((await runGpujob(words, { home })).code).toBe(0);
    const text = await readFile(join(home, "job.yaml"), "utf8");
    expect(text).toContain('run: "echo \\"a: b\\""');
    const again = await runGpujob(words, { home });
    expect(again.code).toBe(2);
    expect(again.err).toContain("--force");
    const asked = await runGpujob(["init", "other.yaml"], { home });
    expect(asked.code).toBe(2);
    expect(asked.err).toContain("--run");
  });
});
