import { secretReferenceSchema } from "@gpujob/spec";
import { z } from "zod";

/** The entry of an Alibaba Cloud platform under `platforms` in the configuration. */
export const configSchema = z.strictObject({
  /** The keys of a RAM user. Left out: what the SDK finds by itself (environment, `~/.aliyun`, RAM role). */
  accessKeyId: secretReferenceSchema.exactOptional(),
  accessKeySecret: secretReferenceSchema.exactOptional(),
  securityToken: secretReferenceSchema.exactOptional(),
  regions: z
    .array(z.string().regex(/^[a-z]{2}(-[a-z0-9]+)+$/, "must be a region, such as cn-hangzhou"))
    .min(1)
    .default(["cn-hangzhou"]),
  endpoint: z.url().exactOptional(),
  /** Which instance types are offered; `*` stands for anything. Slices of a card never are. */
  types: z.array(z.string().min(1)).min(1).default(["ecs.*"]),
  /** Image for jobs that name none: an image id, or a family such as `acs:…`. Left out: the newest with a driver in its name. */
  image: z.string().min(1).exactOptional(),
  /** Has `image` Docker, with NVIDIA's toolkit? Then jobs with `image: docker:REF` fit. */
  docker: z.boolean().default(false),
  /** Smallest system disk in GiB; it must hold the image. */
  diskGib: z.int().min(20).default(100),
  /** Category of the system disk; the newest types take ESSD only. */
  diskCategory: z.string().min(1).default("cloud_essd"),
  /** Performance level of an ESSD. */
  diskLevel: z.enum(["PL0", "PL1", "PL2", "PL3"]).default("PL0"),
  /** Is a spot machine safe in its first hour? Without that it is usually cheaper. */
  protectedHour: z.boolean().default(true),
  /** A VPC's id or its name; one of that name is made where there is none. */
  network: z.string().min(1).default("gpujob"),
  /** `sg-…` is used as it is; a group of another name is found or made. */
  securityGroup: z.string().min(1).default("gpujob"),
  /** Who may reach SSH on the machines that stand in a group made here. */
  sshFrom: z.array(z.cidrv4()).min(1).default(["0.0.0.0/0"]),
  /** Outgoing Mbit/s. Traffic is billed by the byte: the width itself costs nothing. */
  bandwidthMbps: z.int().min(1).max(100).default(100),
});

export type AliyunConfig = z.infer<typeof configSchema>;
