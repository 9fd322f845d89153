import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { makeFolder, runGpujob } from "./gpujob.ts";

/** A home with a simulated market and a folder to work in; its machines end with the test. */
export interface Home {
  readonly home: string;
  readonly cwd: string;
}

/** `market` is the configuration; `files` go into the working folder. */
export async function makeMarketHome(
  market: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Home> {
  const home = await makeFolder();
  const cwd = join(home, "project");
  await mkdir(join(home, "state"), { recursive: true, mode: 0o700 });
  await mkdir(cwd);
  await writeFile(join(home, "state/config.yaml"), market);
  for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text);
  onTestFinished(async () => {
    await runGpujob(["mock", "reset"], { home });
  });
  return { home, cwd };
}

/** A market with one cheap offer and the given faults. */
export function marketOf(faults: readonly string[] = [], offer = ""): string {
  return `platforms:
  cheap:
    adapter: mock
    offers: [{ type: a, gpu: "RTX4090:24GB:1", price: 36 CNY/h, stock: 3${offer} }]
    boot: 0s
    faults: [${faults.join(", ")}]
`;
}

/** A job file that runs a shell text. */
export function jobOf(run: string, more = ""): string {
  return `name: test-run\nresources: { gpu: "RTX4090" }\nmarket: auto\nrun: ${JSON.stringify(run)}\n${more}`;
}

interface Envelope<Data> {
  readonly ok: boolean;
  readonly data?: Data;
  readonly error?: { readonly kind: string; readonly message: string; readonly exitCode: number };
  readonly warnings: readonly unknown[];
}

/** The one envelope that a call with --json printed; throws when it printed anything else. */
export function readEnvelope<Data = unknown>(out: string): Envelope<Data> {
  const lines = out.trimEnd().split("\n");
  if (lines.length !== 1) throw new Error(`${lines.length} lines instead of one:\n${out}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests look at its fields one by one
  return JSON.parse(lines[0] ?? "") as Envelope<Data>;
}
