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

/** One documented error of a platform, as it stands in its `fixtures/errors.json`. */
export type ErrorFixture = z.infer<typeof schema>["errors"][number];

/** Reads the text of such a file. Throws when it has another shape. */
export function parseErrorFixtures(text: string): readonly ErrorFixture[] {
  return schema.parse(JSON.parse(text)).errors;
}
