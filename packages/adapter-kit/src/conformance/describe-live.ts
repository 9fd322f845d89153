import type { AdapterDefinition } from "@gpujob/spec";
import { parseMoney } from "@gpujob/spec";
import { afterAll, describe, it } from "vitest";
import { createTestContext } from "../testing/test-context.ts";
import { createRealClock } from "../testing/real-clock.ts";
import { describeAdapter } from "./describe-adapter.ts";
import { capSpending } from "./spending-cap.ts";

/** How an adapter is tried on a real account. */
export interface DescribeLiveOptions {
  /** As it would stand in a configuration; secrets by `{ env: NAME }`. */
  readonly config: unknown;
  /** The names of those variables. */
  readonly secrets: readonly string[];
  /** `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the machines of one whole run may cost unless `GPUJOB_LIVE_CAP` says otherwise, such as `10 CNY`. */
  readonly cap: string;
  /** How many machines the account may have at once. @default 1 */
  readonly maxLeases?: number;
}

const minute = 60_000;

/**
 * The conformance suite on a real account, which costs money: only with `GPUJOB_LIVE=<adapter id>` and the secrets set,
 * on the cheapest offer, and never above the cap. Skipped otherwise, with the reason.
 */
export function describeLive<Config>(
  definition: AdapterDefinition<Config>,
  options: DescribeLiveOptions,
): void {
  const reason = reasonToSkip(definition.id, options);
  if (reason === undefined) describeOnAccount(definition, options);
  else describeSkipped(definition.title, reason);
}

/** `undefined`: it is asked for, and everything is there. */
function reasonToSkip(id: string, { env, secrets }: DescribeLiveOptions): string | undefined {
  if (env["GPUJOB_LIVE"] !== id) {
    return `a real account needs ${[`GPUJOB_LIVE=${id}`, ...secrets].join(", ")}`;
  }
  const missing = secrets.filter((name) => (env[name] ?? "") === "");
  return missing.length === 0 ? undefined : `${missing.join(", ")} is not set`;
}

function describeSkipped(title: string, reason: string): void {
  describe.for([title])("%s on a real account", () => {
    // oxlint-disable-next-line vitest/expect-expect -- it only says why
    it("keeps the contract", ({ skip }) => skip(reason));
  });
}

function describeOnAccount<Config>(
  definition: AdapterDefinition<Config>,
  options: DescribeLiveOptions,
): void {
  const { env } = options;
  const clock = createRealClock();
  const platform = definition.create(
    definition.configSchema.parse(options.config),
    createTestContext({ platform: definition.id, secrets: definedOf(env, options.secrets) }),
  );
  const capped = capSpending(platform, parseMoney(env["GPUJOB_LIVE_CAP"] ?? options.cap), clock);
  afterAll(() => {
    const { currency, micros } = capped.spent();
    // oxlint-disable-next-line no-console -- whoever pays wants to know
    console.info(
      `${definition.title}: at most ${(micros / 1e6).toFixed(2)} ${currency} were spent.`,
    );
  });
  describeAdapter(definition, {
    title: `${definition.title} on a real account`,
    timeoutMs: 30 * minute,
    setup: () => ({
      platform: capped.platform,
      config: options.config,
      installation: "livetest",
      chooseOffer: (offers) =>
        offers
          .filter(({ availability }) => availability !== "none" && availability !== 0)
          .filter(capped.allows)
          .toSorted((one, other) => one.price.perHour.micros - other.price.perHour.micros)[0],
      maxLeases: options.maxLeases ?? 1,
      bootTimeoutMs: 15 * minute,
      releaseTimeoutMs: 15 * minute,
      pollMs: 5000,
      secrets: Object.values(definedOf(env, options.secrets)),
    }),
  });
}

function definedOf(
  env: DescribeLiveOptions["env"],
  names: readonly string[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(names.flatMap((name) => [[name, env[name] ?? ""] as const]));
}
