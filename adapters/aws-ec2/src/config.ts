import { secretReferenceSchema } from "@gpujob/spec";
import { z } from "zod";

/** The entry of an AWS platform under `platforms` in the configuration. */
export const configSchema = z.strictObject({
  /** The keys of an IAM user. Left out: what the SDK finds by itself (environment, profile, SSO, instance role). */
  accessKeyId: secretReferenceSchema.exactOptional(),
  secretAccessKey: secretReferenceSchema.exactOptional(),
  sessionToken: secretReferenceSchema.exactOptional(),
  /** A profile of `~/.aws`, instead of keys. */
  profile: z.string().min(1).exactOptional(),
  regions: z
    .array(z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d+$/, "must be a region, such as us-east-1"))
    .min(1)
    .default(["us-east-1"]),
  endpoint: z.url().exactOptional(),
  /** Which instance types are offered; `*` stands for anything. */
  types: z.array(z.string().min(1)).min(1).default(["g*", "p*"]),
  /** Image for jobs that name none: an image id, or the path of an SSM parameter with `{arch}` in it. */
  image: z
    .string()
    .min(1)
    .default(
      "/aws/service/deeplearning/ami/{arch}/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id",
    ),
  /** The root disk's device name in images that are named by a parameter. */
  rootDevice: z.string().min(1).default("/dev/sda1"),
  /** Smallest root disk in GiB; it must hold the image. */
  diskGib: z.int().positive().default(100),
  /** The images' own user. */
  user: z.string().min(1).default("ubuntu"),
  /** A VPC's id or its Name tag. Left out: the default VPC. */
  network: z.string().min(1).exactOptional(),
  /** `sg-…` is used as it is; a group of another name is found or made. */
  securityGroup: z.string().min(1).default("gpujob"),
  /** Who may reach SSH on the machines that stand in a group made here. */
  sshFrom: z.array(z.cidrv4()).min(1).default(["0.0.0.0/0"]),
});

export type AwsConfig = z.infer<typeof configSchema>;
