import { z } from "zod";
import { accountSchema } from "./account-schema.ts";
import type { Timeouts } from "./config.ts";
import type { GpuNames } from "./gpu.ts";
import { jobKeyLore } from "./job-lore.ts";
import { createJobSchema } from "./job-schema.ts";
import { parseCurrency } from "./money-text.ts";
import type { KeyLore } from "./problems.ts";
import { ratingSchema } from "./rating.ts";
import { checkName } from "./safe-path.ts";
import { checkedKey, convert, durationSchema } from "./unit-schema.ts";
import { writtenFields } from "./written-fields.ts";

/** What the parser knows about keys of the configuration that the schema does not hold. */
export const configKeyLore: KeyLore = {
  later: {
    storage: "Checkpoints and outputs are kept on this machine; remove the key.",
    notify: "Use `gpujob wait RUN && …` to be told of an end; remove the key.",
    ...underDefaults(jobKeyLore.later, (text) => text),
  },
  peers: {
    platform: "platforms",
    timeout: "timeouts",
    ...underDefaults(jobKeyLore.peers, (key) => `defaults.${key}`),
  },
};

function underDefaults(
  keys: Readonly<Record<string, string>> = {},
  say: (text: string) => string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(keys).map(([key, text]) => [`defaults.${key}`, say(text)]),
  );
}

/** Waits, as they are written; milliseconds come out. */
const timeoutsSchema = (): z.ZodType<Partial<Timeouts>> =>
  z
    .strictObject({
      boot: durationSchema("A machine may take so long to start.").exactOptional(),
      offers: durationSchema("A platform may take so long to list offers.").exactOptional(),
      release: durationSchema("How long submit waits for the proof of an end.").exactOptional(),
      unreachable: durationSchema("A machine that is silent so long is given up.").exactOptional(),
      orphan: durationSchema("A job without any driver goes on so long.").exactOptional(),
      stock: durationSchema(
        "How often a platform is asked for stock that is waited for.",
      ).exactOptional(),
    })
    .transform((written) =>
      Object.fromEntries(Object.entries(written).map(([key, ms]) => [`${key}Ms`, ms])),
    );

const platformSchema = (names: GpuNames) =>
  z
    .looseObject({
      adapter: z
        .string()
        .regex(/^[a-z0-9][a-z0-9-]*$/, "Write the adapter's name, such as autodl or ssh-host.")
        .meta({ description: "The adapter that speaks to this platform." })
        .exactOptional(),
      timeouts: z.lazy(timeoutsSchema).exactOptional(),
      rating: z
        .lazy(ratingSchema)
        .meta({ description: "Your own judgement of it, where profiles begin." })
        .exactOptional(),
      account: z
        .lazy(() => accountSchema(names))
        .meta({ description: "What your account there has and what its prices leave out." })
        .exactOptional(),
    })
    .meta({ description: "One account or set of hosts; the adapter names the other keys." });

const exchangeSchema = () =>
  z
    .record(checkedKey(parseCurrency), z.number().positive())
    .transform((rates) =>
      Object.fromEntries(Object.entries(rates).map(([code, rate]) => [parseCurrency(code), rate])),
    )
    .meta({ description: "CNY for one unit of a currency, instead of the bundled dated rate." });

/**
 * The strict schema of one configuration file; every key optional, settings of platforms left to their adapters. With
 * `written`, of the keys that this value has.
 */
export function createConfigSchema(names: GpuNames, written?: unknown) {
  return writtenFields(
    {
      currency: () =>
        convert(z.string(), parseCurrency)
          .meta({ description: "Currency of all sums shown, default CNY." })
          .exactOptional(),
      exchange: () => exchangeSchema().exactOptional(),
      installation: () =>
        convert(z.string(), checkName)
          .meta({ description: "Whose machines these are, across throw-away homes." })
          .exactOptional(),
      platforms: () =>
        z
          .record(checkedKey(checkName), platformSchema(names))
          .meta({ description: "The configured platforms by name." })
          .exactOptional(),
      defaults: (inside) =>
        createJobSchema(names, inside)
          .meta({ description: "Job-file keys for every job that does not set them." })
          .exactOptional(),
      timeouts: () =>
        timeoutsSchema().meta({ description: "How long is waited for what." }).exactOptional(),
      tether: () =>
        z
          .enum(["auto", "short", "long"])
          .meta({ description: "How long a job runs on without a driver before it is frozen." })
          .exactOptional(),
    },
    written,
  );
}

/** One checked layer of the configuration. */
export type ConfigValues = z.output<ReturnType<typeof createConfigSchema>>;
