import { findGpuModel, normalizeGpuName, resolveGpuName } from "@gpujob/catalog";
import {
  GpujobError,
  hourlyPriceSchema,
  parseGpuText,
  parseSshTarget,
  readTextWith,
  secretReferenceSchema,
  type OfferGpu,
  type SshTarget,
} from "@gpujob/spec";
import { z } from "zod";

/** An SSH address as its user writes it. */
const target = readTextWith(
  parseSshTarget,
  "user@host:port, a name from ~/.ssh/config, or ssh -p PORT user@host",
);

const hostSchema = z.strictObject({
  ssh: target,
  /** The cards of the host, such as `RTX4090:24GB:2`. Left out: read from the host. `none`: it has none. */
  gpu: readTextWith(
    readGpu,
    "the cards of the host, such as RTX4090:24GB:2, or none",
  ).exactOptional(),
  /** How its cards reach each other, where the host cannot be asked. */
  interconnect: z.enum(["pcie", "nvlink", "nvswitch", "hccs"]).exactOptional(),
  price: hourlyPriceSchema("For the whole host with all its cards, per hour.").exactOptional(),
  key: z.string().min(1).exactOptional(),
  passphrase: secretReferenceSchema.exactOptional(),
  password: secretReferenceSchema.exactOptional(),
  agent: z.literal(true).exactOptional(),
  jump: z
    .union([target, z.array(target)])
    .transform((value): readonly SshTarget[] => (Array.isArray(value) ? value : [value]))
    .exactOptional(),
  hostKey: z
    .string()
    .regex(
      /^(SHA256:[A-Za-z0-9+/]{43}=?|accept-new)$/,
      'Write hostKey as "SHA256:…" (ssh-keygen -lf shows it) or accept-new.',
    )
    .exactOptional(),
  /** Folder on the host for everything of ours. */
  root: z
    .string()
    .regex(/^\/[^\0]*$/, "Write root as an absolute path.")
    .exactOptional(),
  /** Card indexes that may be used; left out: all. */
  cards: z.array(z.int().min(0).max(127)).min(1).exactOptional(),
  /** Folder shared by all users of the host, in which cards are reserved. */
  reservations: z
    .string()
    .regex(/^\/[^\0]*[^/]$/, "Write reservations as an absolute path.")
    .exactOptional(),
  region: z.string().min(1).exactOptional(),
  country: z
    .string()
    .regex(/^[a-z]{2}$/, "Write country as two lower-case letters, such as cn.")
    .exactOptional(),
  labels: z.record(z.string(), z.string()).exactOptional(),
});

/** The platform's entry in the configuration, without `adapter`. */
export const configSchema = z
  .strictObject({ hosts: z.array(hostSchema).min(1) })
  .superRefine(({ hosts }, issues) => {
    const names = hosts.map(hostName);
    for (const [index, host] of hosts.entries()) {
      const problems = [
        names.indexOf(names[index] ?? "") === index
          ? undefined
          : `The host ${names[index]} is there twice.`,
        hasTwoLogins(host) ? "Give one of key, password and agent." : undefined,
        host.passphrase !== undefined && host.key === undefined
          ? "passphrase needs key."
          : undefined,
      ];
      for (const message of problems) {
        if (message !== undefined)
          issues.addIssue({ code: "custom", path: ["hosts", index], message });
      }
    }
  });

/** The configuration after parsing. */
export type SshHostConfig = z.output<typeof configSchema>;
/** One host of it. */
export type HostConfig = SshHostConfig["hosts"][number];

/** A short stable name made from the address; part of offer and lease ids. */
export function hostName({ ssh }: Pick<HostConfig, "ssh">): string {
  const { user, host, port } = ssh;
  const text = `${user === undefined ? "" : `${user}-`}${host}${port === undefined || port === 22 ? "" : `-${port}`}`;
  return text.toLowerCase().replace(/[^a-z0-9.-]+/g, "-");
}

function hasTwoLogins({
  key,
  password,
  agent,
}: Pick<HostConfig, "key" | "password" | "agent">): boolean {
  return [key, password, agent].filter((way) => way !== undefined).length > 1;
}

/** Cards as the user declares them; `undefined` within: the host has none. */
export interface DeclaredGpu {
  readonly gpu: Omit<OfferGpu, "interconnect"> | undefined;
}

function readGpu(text: string): DeclaredGpu {
  if (text === "none") return { gpu: undefined };
  const {
    models = [],
    vendors = [],
    vramGib,
    count,
  } = parseGpuText(text, { resolveName: resolveGpuName });
  const [model, ...others] = models;
  if (
    model === undefined ||
    others.length > 0 ||
    count.min === undefined ||
    count.min !== count.max
  ) {
    throw unclear(text, "name one model and how many cards there are");
  }
  const named = normalizeGpuName(
    text.split(":").find((part) => resolveGpuName(part) === model) ?? model,
  );
  const facts = findGpuModel(model);
  const vendor = facts?.vendor ?? vendors[0];
  const memory = vramGib?.min ?? named?.vramGib;
  if (vendor === undefined)
    throw unclear(
      text,
      `${model} is not in the catalogue, so say whose it is, as in nvidia:${text}`,
    );
  if (memory === undefined)
    throw unclear(
      text,
      `${model} is sold with several memory sizes, so say which, as in ${model}:24GB:${count.min}`,
    );
  const variant = named?.variant === undefined ? {} : { variant: named.variant };
  return { gpu: { vendor, model, ...variant, vramGib: memory, count: count.min } };
}

function unclear(text: string, how: string): GpujobError {
  return new GpujobError(
    "config_invalid",
    `${JSON.stringify(text)} does not say which cards the host has: ${how}.`,
  );
}
