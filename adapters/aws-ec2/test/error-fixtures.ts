import { readFile } from "node:fs/promises";
import { parseErrorFixtures } from "@gpujob/adapter-kit/testing";
import type { ErrorFixture } from "@gpujob/adapter-kit/testing";

/** Every documented error, one fixture each. */
export async function errorFixtures(): Promise<readonly ErrorFixture[]> {
  return parseErrorFixtures(
    await readFile(new URL("../fixtures/errors.json", import.meta.url), "utf8"),
  );
}
