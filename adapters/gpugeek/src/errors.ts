import type { ErrorTable } from "@gpujob/adapter-kit";

/** The platform's own codes are in an appendix that nobody has read for this table, so only plain HTTP is known. */
export const gpugeekErrors: ErrorTable = [
  {
    status: 401,
    kind: "unauthorized",
    scope: "account",
    hint: "Make a new OpenAPI key in the Account Center of GpuGeek; the API is for enterprise accounts only.",
    example: "no-key",
  },
];
