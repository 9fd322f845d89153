import { z } from "zod";
import type { SecretReference } from "./adapter.ts";

const references = [
  z.strictObject({ env: z.string().min(1) }),
  z.strictObject({ file: z.string().min(1) }),
  z.strictObject({ command: z.union([z.string().min(1), z.array(z.string()).min(1)]) }),
  z.strictObject({ keyring: z.string().min(1) }),
] as const;

const howTo =
  "A secret is never written into a file; say where it is: { env: NAME }, { file: PATH }, " +
  '{ command: "…" } or { keyring: NAME }.';

/** Where a secret is to be found. A literal one is refused with how to write it; its text is not repeated. */
export const secretReferenceSchema: z.ZodType<SecretReference> = z
  .union(references, { error: howTo })
  .meta({ description: "Where the secret is: { env }, { file }, { command } or { keyring }." });

/** Does a value have the shape of a reference to a secret? */
export function isSecretReference(value: unknown): value is SecretReference {
  return references.some((schema) => schema.safeParse(value).success);
}

/** Is this a name under which people write passwords, tokens and keys? */
export function isSecretName(name: string): boolean {
  return /(?:^|[a-z_-])(?:password|passphrase|token|secret|credential|api_?key|(?:access|secret|private)_?key(?:_?secret)?)s?$/i.test(
    name,
  );
}
