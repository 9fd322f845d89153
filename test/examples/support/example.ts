import { cp } from "node:fs/promises";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import { makeFolder, runGpujob } from "../../cli/support/gpujob.ts";

/** The folder of all examples. */
export const examplesFolder = resolve(import.meta.dirname, "../../../examples");

/** An example copied to a place where it may leave things, with a home of its own. */
export interface Example {
  readonly folder: string;
  readonly home: string;
  /** The `data` of a command's envelope. Throws when the command failed. */
  readonly read: (...words: readonly string[]) => Promise<Data>;
}

/** Plain JSON of a command; the tests look at its fields one by one. */
export type Data = Readonly<Record<string, unknown>>;

/** Copies an example; its simulated machines are ended with the test. */
export async function copyExample(name: string): Promise<Example> {
  const home = await makeFolder();
  const folder = join(home, name);
  await cp(join(examplesFolder, name), folder, { recursive: true });
  // Their records are in the home: they go first.
  onTestFinished(async () => {
    await runGpujob(["mock", "reset"], { home, cwd: folder });
  });
  return {
    folder,
    home,
    async read(...words) {
      const { out } = await runGpujob([...words, "--json"], { home, cwd: folder });
      return dataOf(out);
    },
  };
}

function dataOf(text: string): Data {
  const envelope: unknown = JSON.parse(text);
  if (typeof envelope !== "object" || envelope === null || !("data" in envelope)) {
    throw new Error(`No data in ${text}`);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests look at its fields one by one
  return envelope.data as Data;
}

/** The machines of all simulated markets of an example's home, as the markets bill them. */
export async function readMachines(example: Example): Promise<readonly Data[]> {
  const { machines } = await example.read("mock", "meter");
  if (!Array.isArray(machines)) throw new Error("The meter shows no machines.");
  return machines;
}
