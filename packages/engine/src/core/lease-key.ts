import { createHash } from "node:crypto";

/**
 * The idempotency token of one member of one attempt: 32 characters of `[a-z0-9]`, the same for the same inputs.
 * A key is used at one place only, because an attempt is one placement.
 */
export function makeLeaseKey(
  installation: string,
  runId: string,
  attempt: number,
  member: number,
): string {
  const digest = createHash("sha256")
    .update(`${installation}/${runId}/${attempt}/${member}`)
    .digest("hex");
  return `gj${digest.slice(0, 30)}`;
}
