import { z } from "zod";
import type { SecretReference } from "./adapter.ts";
import type { GpuNames } from "./gpu.ts";
import { gpuSchema } from "./gpu-schema.ts";
import {
  checkVariable,
  readCheckpointStore,
  readCountry,
  readFabric,
  readImage,
  readSignal,
  readWholeRange,
  checkLabel,
} from "./job-values.ts";
import { checkMoment } from "./moment.ts";
import { modelSchema } from "./model-schema.ts";
import { profileNames } from "./profile.ts";
import { checkName, checkPath, readFileSource } from "./safe-path.ts";
import { secretReferenceSchema } from "./secret-schema.ts";
import {
  checkedKey,
  convert,
  durationSchema,
  hourlyPriceSchema,
  moneySchema,
  readTextWith,
  readWith,
  sizeRangeSchema,
  texts,
} from "./unit-schema.ts";
import { parseSizeGib } from "./size.ts";
import { writtenFields } from "./written-fields.ts";

function whole(description: string, minimum: number, maximum: number): z.ZodType<number> {
  return z.int().min(minimum).max(maximum).meta({ description });
}

/** A date with a time, or a time of day, and its zone. */
function momentSchema(description: string): z.ZodType<string> {
  return readTextWith(
    checkMoment,
    `${description} Write it with its zone: 2026-12-01T02:00+08:00, or 02:00 Asia/Shanghai.`,
  );
}

function resourcesSchema(names: GpuNames, written?: unknown) {
  return writtenFields(
    {
      gpu: () => gpuSchema(names).exactOptional(),
      nodes: () => whole("Machines that work together.", 1, 1024).exactOptional(),
      interconnect: () =>
        z
          .enum(["any", "pcie", "nvlink", "nvswitch", "hccs"])
          .meta({ description: "Between the cards of a node." })
          .exactOptional(),
      fabric: () =>
        readWith(readFabric, {
          description: "Between nodes: any, ethernet or rdma, with a bandwidth: rdma:100Gbps..",
          examples: ["any", "ethernet", "rdma", "rdma:100Gbps.."],
        }).exactOptional(),
      cpu: () =>
        readWith(readWholeRange, {
          description: "CPU cores of each node; 8 means at least 8.",
          examples: [8, "8..16"],
          type: ["integer", "string"],
        }).exactOptional(),
      memory: () => sizeRangeSchema("Main memory of each node.").exactOptional(),
      disk: () => sizeRangeSchema("Disk of each node.").exactOptional(),
    },
    written,
  );
}

/** Which platforms may be used, as a job file says it. */
export interface PlatformChoice {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly prefer?: readonly string[];
}

const platformsSchema = (): z.ZodType<PlatformChoice> =>
  z
    .union([
      texts("The only platforms that may be used.").transform((allow) => ({ allow })),
      z.strictObject({
        allow: texts("The only platforms that may be used.").exactOptional(),
        deny: texts("Platforms that must not be used.").exactOptional(),
        prefer: texts("This order of platforms instead of by price.").exactOptional(),
      }),
    ])
    .meta({
      description: "Which of the configured platforms may be used; a list is short for allow.",
    });

const secretsSchema = (): z.ZodType<Readonly<Record<string, SecretReference>>> =>
  z
    .union([
      texts("Names of environment variables.", checkVariable).transform((list) =>
        Object.fromEntries(list.map((name) => [name, { env: name }])),
      ),
      z.record(checkedKey(checkVariable), secretReferenceSchema),
    ])
    .meta({
      description:
        "Secrets for the job, by reference: [HF_TOKEN] is short for { HF_TOKEN: { env: HF_TOKEN } }.",
    });

const filesSchema = () =>
  z
    .record(
      checkedKey((path) => checkPath(path, "target")),
      convert(z.string(), readFileSource),
    )
    .meta({
      description:
        "Files placed before the start: target to source. A source is a local path, https://, " +
        "host:/path (already there) or run:RUN/path (of an earlier run).",
    });

const dataSchema = () =>
  z
    .record(
      checkedKey(checkName),
      z.strictObject({
        size: readWith(parseSizeGib, {
          description: "How much it is.",
          examples: ["150GB"],
        }).exactOptional(),
        at: z
          .record(z.string(), z.string().min(1))
          .meta({ description: "Folders in which platforms have it, by the platform's name." })
          .exactOptional(),
      }),
    )
    .meta({
      description:
        "Data sets that the job reads and that are too large to be sent. Each job gets GPUJOB_DATA_NAME, " +
        "the folder where it is there already, else empty.",
    });

const portsSchema = () => {
  const port = z.int().min(1).max(65_535);
  return z
    .union([port, z.array(port)])
    .transform((value) => [...new Set(Array.isArray(value) ? value : [value])])
    .meta({ description: "Ports of the machine, forwarded to localhost while attached." });
};

const labelsSchema = () =>
  z
    .record(checkedKey(checkLabel), z.union([z.string().max(256), z.number(), z.boolean()]))
    .meta({ description: "Free notes to group runs by." });

const checkpointSchema = () =>
  z.strictObject({
    path: convert(z.string(), (path) => checkPath(path, "checkpoint"))
      .meta({ description: "Folder in the work folder that the job saves into." })
      .exactOptional(),
    every: durationSchema("How often it is brought to safety.").exactOptional(),
    signal: convert(z.string(), readSignal)
      .meta({ description: "Sent so that the job saves, default SIGTERM." })
      .exactOptional(),
    grace: durationSchema("Time to save after the signal.").exactOptional(),
    store: convert(z.enum(["local", "storage"]), readCheckpointStore)
      .meta({ description: "Where it is kept; storage is not yet supported." })
      .exactOptional(),
    keep: whole("How many are kept.", 1, 100).exactOptional(),
  });

const limitsSchema = () =>
  z.strictObject({
    budget: moneySchema("The whole run may cost so much.").exactOptional(),
    price: hourlyPriceSchema("All nodes together may cost so much.").exactOptional(),
    time: durationSchema("The whole run may take so long.").exactOptional(),
    hold: durationSchema("Results wait so long on the machine to be fetched.").exactOptional(),
  });

const retrySchema = () => {
  const exitCode = z.int().min(0).max(255);
  return z.strictObject({
    interruptions: whole("How often an interrupted job is placed again.", 0, 1000).exactOptional(),
    failures: whole("How often a job that failed is started again.", 0, 1000).exactOptional(),
    rules: z
      .array(
        z.strictObject({
          exitCode: z.union([exitCode, z.array(exitCode).min(1)]).exactOptional(),
          on: z
            .enum(["oom"])
            .meta({ description: "Memory ran out, of the machine or of a card." })
            .exactOptional(),
          action: z.enum(["retry", "fail"]).exactOptional(),
          gpu: z
            .enum(["larger"])
            .meta({ description: "Retries on cards with more memory each." })
            .exactOptional(),
        }),
      )
      .meta({ description: "What an end of the job means, the first match holds." })
      .exactOptional(),
  });
};

const script = (description: string): z.ZodType<string> => z.string().min(1).meta({ description });

/**
 * The strict schema of a job file, every key optional; with `written`, of the keys that this value has. Its output is
 * converted: milliseconds, GiB, `Money`, requests for accelerators with the catalogue's names. Paths stay as written.
 */
export function createJobSchema(names: GpuNames, written?: unknown) {
  return writtenFields(
    {
      name: () =>
        convert(z.string(), checkName).meta({ description: "Shown in lists." }).exactOptional(),
      resources: (inside) =>
        resourcesSchema(names, inside)
          .meta({ description: "What each machine must have." })
          .exactOptional(),
      model: () =>
        modelSchema()
          .meta({
            description:
              "What is done with which language model: the memory per card and the disk follow from it.",
          })
          .exactOptional(),
      market: () =>
        z
          .enum(["on-demand", "spot", "auto"])
          .meta({
            description: "spot is cheaper and may be interrupted; auto takes the cheaper one.",
          })
          .exactOptional(),
      region: () => texts("Globs over the platforms' region names.").exactOptional(),
      residency: () =>
        convert(z.string(), readCountry)
          .meta({ description: "Country code that machine and data must be in, such as cn." })
          .exactOptional(),
      platforms: () => platformsSchema().exactOptional(),
      image: () =>
        readWith(readImage, {
          description:
            "Image alias of the catalogue, docker:REF for a container, or a map by platform with default.",
          examples: ["pytorch-2.8", "docker:nvcr.io/nvidia/pytorch:25.10-py3"],
          type: ["string", "object"],
        }).exactOptional(),
      registry: () =>
        z
          .strictObject({
            user: z
              .union([z.string().min(1), secretReferenceSchema])
              .meta({ description: "The name, or where it is to be found." }),
            password: secretReferenceSchema,
          })
          .meta({ description: "Log-in to the private registry of a docker: image." })
          .exactOptional(),
      workdir: () =>
        convert(z.string(), (path) => checkPath(path, "workdir"))
          .meta({ description: "Folder whose files are sent, relative to this file." })
          .exactOptional(),
      files: () => filesSchema().exactOptional(),
      data: () => dataSchema().exactOptional(),
      env: () =>
        z
          .record(
            checkedKey(checkVariable),
            z.union([z.string(), z.number(), z.boolean(), z.null()]),
          )
          .meta({
            description: "Environment variables. No value: must be given at submit with -e.",
          })
          .exactOptional(),
      secrets: () => secretsSchema().exactOptional(),
      mirrors: () =>
        z
          .enum(["auto", "none"])
          .meta({
            description:
              "auto sets the variables of the place for downloads, such as HF_ENDPOINT; plan shows them.",
          })
          .exactOptional(),
      setup: () => script("Shell text that prepares each node before run.").exactOptional(),
      run: () => script("Shell text of the job. Left out: an interactive machine.").exactOptional(),
      outputs: () =>
        texts("Globs in the work folder that come home.", (path) =>
          checkPath(path, "output"),
        ).exactOptional(),
      checkpoint: () =>
        checkpointSchema().meta({ description: "What survives an interruption." }).exactOptional(),
      expectedTime: () =>
        durationSchema("How long the job takes, for the total price.").exactOptional(),
      expectedOutput: () =>
        readWith(parseSizeGib, {
          description: "How much comes home from each node, for the total price.",
          examples: ["5GB"],
        }).exactOptional(),
      startAt: () => momentSchema("Nothing is planned or rented before.").exactOptional(),
      deadline: () =>
        momentSchema("The job must be done by then, or is stopped and saved.").exactOptional(),
      limits: () =>
        limitsSchema().meta({ description: "Hard limits of the whole run." }).exactOptional(),
      retry: () =>
        retrySchema().meta({ description: "What happens after an end." }).exactOptional(),
      queue: () => durationSchema("Wait so long for stock or a free card.").exactOptional(),
      hedge: () =>
        whole("2 asks two offers at once and keeps the first that boots.", 1, 2).exactOptional(),
      probe: () =>
        z
          .enum(["quick", "none"])
          .meta({ description: "quick measures each machine before it is used." })
          .exactOptional(),
      keep: () => durationSchema("Keep the machine, paid, so long after the job.").exactOptional(),
      idle: () => durationSchema("End when GPU and log are silent for so long.").exactOptional(),
      ports: () => portsSchema().exactOptional(),
      labels: () => labelsSchema().exactOptional(),
      profile: () =>
        z
          .enum(profileNames)
          .meta({ description: "How offers are ranked, default cheapest: see choosing.md." })
          .exactOptional(),
    },
    written,
  );
}

/** A checked layer of a job, as its schema gives it. */
export type JobValues = z.output<ReturnType<typeof createJobSchema>>;
