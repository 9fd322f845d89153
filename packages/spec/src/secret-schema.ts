import { z } from "zod";
import type { SecretReference } from "./adapter.ts";

const howTo =
  "A secret is never written into a file; say where it is: { env: NAME }, { file: PATH }, " +
  '{ command: "…" } or { keyring: NAME }.';

/** Where a secret is to be found. A literal one is refused with how to write it; its text is not repeated. */
export const secretReferenceSchema: z.ZodType<SecretReference> = z
  .lazy(() =>
    z.union(
      [
        z.strictObject({ env: z.string().min(1) }),
        z.strictObject({ file: z.string().min(1) }),
        z.strictObject({ command: z.union([z.string().min(1), z.array(z.string()).min(1)]) }),
        z.strictObject({ keyring: z.string().min(1) }),
      ],
      { error: howTo },
    ),
  )
  .meta({ description: "Where the secret is: { env }, { file }, { command } or { keyring }." });
