import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "vitest";
import { makeFolder, runGpujob } from "./support/gpujob.ts";

/** The text of every file of ours that a call loaded. */
async function loadedBy(
  argv: readonly string[],
  config?: object,
): Promise<ReadonlyMap<string, string>> {
  const home = await makeFolder();
  const folder = join(home, "coverage");
  if (config !== undefined) {
    await mkdir(join(home, "state"), { mode: 0o700 });
    // JSON is YAML.
    await writeFile(join(home, "state", "config.yaml"), JSON.stringify(config), { mode: 0o600 });
  }
  const environment = { ...keys, NODE_V8_COVERAGE: folder };
  await runGpujob(argv, { home, environment });
  const texts = new Map<string, string>();
  for (const name of await readdir(folder)) {
    const report: unknown = JSON.parse(await readFile(join(folder, name), "utf8"));
    for (const url of JSON.stringify(report).match(/file:\/\/[^"]+/g) ?? []) {
      const path = fileURLToPath(url);
      if (!texts.has(path)) texts.set(path, await readFile(path, "utf8"));
    }
  }
  return texts;
}

/** Names that stay in a minified bundle, and only in code of these libraries. */
const marks = {
  "oclif's parser": "NonExistentFlagsError",
  "oclif's help": "FLAG DESCRIPTIONS",
  zod: "ZodError",
  questions: "AbortPromptError",
  "the SDK of EC2": "EC2ServiceException",
  "the SDK of Alibaba Cloud": "RunInstancesResponseBody",
};

/** Open nothing. */
const keys = { TEST_ID: "nobody", TEST_KEY: "nothing" };

/** Both clouds that come with an SDK, at an address where nobody answers. */
const clouds = {
  platforms: {
    aws: {
      adapter: "aws-ec2",
      accessKeyId: { env: "TEST_ID" },
      secretAccessKey: { env: "TEST_KEY" },
      endpoint: "http://127.0.0.1:9",
    },
    aliyun: {
      adapter: "aliyun",
      accessKeyId: { env: "TEST_ID" },
      accessKeySecret: { env: "TEST_KEY" },
      endpoint: "http://127.0.0.1:9",
    },
  },
  timeouts: { offers: "20s" },
};

async function librariesOf(argv: readonly string[], config?: object): Promise<readonly string[]> {
  const texts = [...(await loadedBy(argv, config)).values()].join("\n");
  return Object.entries(marks).flatMap(([name, mark]) => (texts.includes(mark) ? [name] : []));
}

describe("starting up", () => {
  it("loads one file for --version", async ({ expect }) => {
    const files = [...(await loadedBy(["--version"])).keys()];
    expect(files).toEqual([expect.stringMatching(/bin\/gpujob\.js$/)]);
  });

  it("loads oclif for a help and a wrong line, which shows that this test can see it", async ({
    expect,
  }) => {
    expect(await librariesOf(["submit", "--help"])).toContain("oclif's help");
    expect(await librariesOf(["ps", "--nope"])).toContain("oclif's parser");
  });

  it("loads neither oclif nor zod nor questions for completion", async ({ expect }) => {
    expect(await librariesOf(["completion", "bash"])).toEqual([]);
  });

  // The library still loads its schemas with the rest of it; once it does not, this is the same list as above.
  it("loads neither oclif nor questions for ps", async ({ expect }) => {
    const libraries = await librariesOf(["ps"]);
    expect(libraries.filter((name) => name !== "zod")).toEqual([]);
  });

  it("loads the SDK of a cloud when that cloud is asked, and none for ps, whatever is configured", async ({
    expect,
  }) => {
    const sdksOf = async (argv: readonly string[]): Promise<readonly string[]> =>
      (await librariesOf(argv, clouds)).filter((name) => name.startsWith("the SDK"));
    expect(await sdksOf(["ps"])).toEqual([]);
    expect(await sdksOf(["offers", "--platform", "aws"])).toEqual(["the SDK of EC2"]);
    expect(await sdksOf(["offers", "--platform", "aliyun"])).toEqual(["the SDK of Alibaba Cloud"]);
  });
});
