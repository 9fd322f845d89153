import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { it } from "vitest";

const run = promisify(execFile);

const address = JSON.stringify(new URL("../src/index.ts", import.meta.url).href);
const make = `
const { default: aliyun } = await import(${address});
const clock = { now: Date.now, monotonic: () => performance.now(), sleep: () => new Promise(() => {}) };
const platform = aliyun.create(aliyun.configSchema.parse({}), { platform: "aliyun", clock, fetch, connect() {} });
platform.classify(new Error("x"));
const ask = () => platform.listLeases({ installation: "testinst" }, { signal: new AbortController().signal });
`;

async function runProgram(text: string): Promise<readonly string[]> {
  const flags = ["--conditions=@gpujob/source", "--input-type=module", "--eval", text];
  const env = {
    PATH: process.env["PATH"] ?? "",
    // What this computer knows of Alibaba Cloud is no part of the test.
    HOME: "/nonexistent",
    ALIBABA_CLOUD_ECS_METADATA_DISABLED: "true",
  };
  const { stdout } = await run(process.execPath, flags, { cwd: import.meta.dirname, env });
  return stdout.split("\n");
}

it("loads the SDK when the platform is asked, and not before", async ({ expect }) => {
  const [first, second] = await runProgram(`
import { registerHooks } from "node:module";
registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith("@alicloud/")) throw new Error("the SDK was loaded");
    return next(specifier, context);
  },
});
${make}
console.log("made");
await ask().catch(({ message }) => console.log(message));
process.exit(0);
`);
  expect(first).toBe("made");
  expect(second).toContain("the SDK was loaded");
});

it("says where it looked for keys, and the way to some, when there are none", async ({
  expect,
}) => {
  const [kind, hint] = await runProgram(`
${make}
await ask().catch(({ failure }) => console.log(failure.kind + "\\n" + failure.hint));
process.exit(0);
`);
  expect(kind).toBe("unauthorized");
  expect(hint).toContain("ALIBABA_CLOUD_ACCESS_KEY_ID");
});
