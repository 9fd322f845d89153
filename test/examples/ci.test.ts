import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { describe, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { binPath } from "../cli/support/gpujob.ts";
import { copyExample, readMachines, type Example } from "./support/example.ts";

const gitHubSchema = z.object({
  jobs: z.object({
    train: z.object({
      env: z.record(z.string(), z.string()),
      steps: z.array(
        z.object({
          run: z.string().optional(),
          if: z.string().optional(),
          uses: z.string().optional(),
          with: z.record(z.string(), z.unknown()).optional(),
        }),
      ),
    }),
  }),
});

const gitLabSchema = z.object({
  train: z.object({
    variables: z.record(z.string(), z.string()),
    before_script: z.array(z.string()),
    script: z.array(z.string()),
    after_script: z.array(z.string()),
    artifacts: z.object({ when: z.literal("always"), paths: z.array(z.string()) }),
  }),
});

/** What a pipeline does, whoever runs it. */
interface Pipeline {
  readonly environment: Readonly<Record<string, string>>;
  /** Each ends the pipeline when it fails. */
  readonly commands: readonly string[];
  /** Run whatever happened before. */
  readonly last: readonly string[];
  readonly artifacts: string;
}

async function readGitHub(folder: string): Promise<Pipeline> {
  const { train } = gitHubSchema.parse(
    parse(await readFile(join(folder, "github-actions.yml"), "utf8")),
  ).jobs;
  const own = train.steps.filter(({ run }) => run?.startsWith("gpujob"));
  const upload = train.steps.find(({ uses }) => uses?.startsWith("actions/upload-artifact"));
  return {
    environment: train.env,
    commands: own.filter((step) => step.if === undefined).map(({ run }) => run ?? ""),
    last: own.filter((step) => step.if === "always()").map(({ run }) => run ?? ""),
    artifacts: z.string().parse(upload?.with?.["path"]),
  };
}

async function readGitLab(folder: string): Promise<Pipeline> {
  const { train } = gitLabSchema.parse(
    parse(await readFile(join(folder, "gitlab-ci.yml"), "utf8")),
  );
  return {
    environment: train.variables,
    commands: [...train.before_script, ...train.script].filter((line) => line.startsWith("gpujob")),
    last: train.after_script,
    artifacts: train.artifacts.paths.join(),
  };
}

/** The exit code of the pipeline: of the first command that failed, else of the last ones. */
async function runPipeline(pipeline: Pipeline, { folder, home }: Example): Promise<number> {
  const bin = join(home, "bin");
  await mkdir(bin);
  await symlink(binPath, join(bin, "gpujob"));
  const env = {
    PATH: [bin, dirname(process.execPath), process.env["PATH"]].join(delimiter),
    HOME: home,
    GPUJOB_HOME: join(home, "state"),
    CI: "true",
    ...pipeline.environment,
  };
  const run = (command: string): Promise<number> =>
    new Promise((settle) => {
      execFile("sh", ["-ec", command], { cwd: folder, env }, (error) =>
        settle(error === null ? 0 : Number(error.code)),
      );
    });
  let code = 0;
  for (const command of pipeline.commands) {
    code = await run(command);
    if (code !== 0) break;
  }
  for (const command of pipeline.last) code = (await run(command)) || code;
  return code;
}

describe.each([
  ["github-actions.yml", readGitHub],
  ["gitlab-ci.yml", readGitLab],
])("examples/ci/%s", (_, read) => {
  it("ends well, with the outputs where its artifacts are taken from", async ({ expect }) => {
    const example = await copyExample("ci");
    const pipeline = await read(example.folder);
    expect(pipeline.environment).toMatchObject({ GPUJOB_INSTALLATION: "ci-my-project" });
    expect(pipeline.commands.some((command) => command.startsWith("gpujob submit"))).toBe(true);
    expect(await runPipeline(pipeline, example)).toBe(0);
    const model = join(example.folder, pipeline.artifacts, "model.txt");
    expect(await readFile(model, "utf8")).toBe("trained\n");
    expect(await readMachines(example)).toMatchObject([{ endedAt: expect.any(String) }]);
  });

  it("ends with the exit code of the job, and leaves no machine behind", async ({ expect }) => {
    const example = await copyExample("ci");
    await writeFile(join(example.folder, "train.sh"), "echo broken; exit 7\n");
    expect(await runPipeline(await read(example.folder), example)).toBe(7);
    expect(await readMachines(example)).toMatchObject([{ endedAt: expect.any(String) }]);
  });
});
