import { readFile } from "node:fs/promises";
import { z } from "zod";

const schema = z.object({
  errors: z.array(
    z.object({
      code: z.string(),
      /** Absent: the SDK says so before anything is sent. */
      status: z.int().nullable(),
      message: z.string(),
      /** The group of the facts that it belongs to. */
      meaning: z.string(),
    }),
  ),
});

/** Every documented error, one fixture each. */
export async function errorFixtures(): Promise<z.infer<typeof schema>["errors"]> {
  const text = await readFile(new URL("../fixtures/errors.json", import.meta.url), "utf8");
  return schema.parse(JSON.parse(text)).errors;
}
