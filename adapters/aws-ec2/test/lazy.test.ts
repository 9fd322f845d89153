import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { it } from "vitest";

const run = promisify(execFile);

/** Imports the adapter and makes a platform where loading the SDK is an error; then asks it. */
const program = `
import { registerHooks } from "node:module";
registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith("@aws-sdk/")) throw new Error("the SDK was loaded");
    return next(specifier, context);
  },
});
const { default: aws } = await import(${JSON.stringify(new URL("../src/index.ts", import.meta.url).href)});
const clock = { now: () => 0, monotonic: () => 0, sleep: () => new Promise(() => {}) };
const platform = aws.create(aws.configSchema.parse({}), { platform: "aws", clock, fetch, connect() {} });
platform.classify(new Error("x"));
console.log("made");
await platform.listOffers({}, { signal: new AbortController().signal }).catch(({ message }) => console.log(message));
process.exit(0);
`;

it("loads the SDK when the platform is asked, and not before", async ({ expect }) => {
  const flags = ["--conditions=@gpujob/source", "--input-type=module", "--eval", program];
  const { stdout } = await run(process.execPath, flags, { cwd: import.meta.dirname });
  const [first, second] = stdout.split("\n");
  expect(first).toBe("made");
  expect(second).toContain("the SDK was loaded");
});
