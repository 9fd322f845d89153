import { secretReferenceSchema } from "@gpujob/spec";
import { z } from "zod";

/** The entry of a Compshare platform under `platforms` in the configuration. */
export const configSchema = z.strictObject({
  /** Both keys are on the console's API page. */
  publicKey: secretReferenceSchema,
  privateKey: secretReferenceSchema,
  /** Needed by sub-accounts; left out: the account's own project. */
  projectId: z.string().min(1).exactOptional(),
  endpoint: z.url().default("https://api.compshare.cn"),
  // https://www.compshare.cn/docs (2026-06)
  regions: z.array(z.string().min(1)).min(1).default(["cn-wlcb", "cn-sh2"]),
  /** Image for jobs that name none: an image id, or a part of an image's name. */
  image: z.string().min(1).default("PyTorch"),
});

export type CompshareConfig = z.infer<typeof configSchema>;
