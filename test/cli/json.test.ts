import { describe, it } from "vitest";
import { z } from "zod";
import { runGpujob } from "./support/gpujob.ts";
import { jobOf, makeMarketHome, marketOf, readEnvelope } from "./support/market.ts";

const money = z.strictObject({ currency: z.string(), micros: z.int() });
const time = z.iso.datetime();
const nullableTime = time.nullable();

const attempt = z.looseObject({
  number: z.int(),
  platform: z.string(),
  offerId: z.string(),
  leases: z.array(z.looseObject({ leaseId: z.string().nullable(), rank: z.int() })),
  state: z.string(),
  startedAt: time,
  endedAt: nullableTime,
  reason: z.string().nullable(),
  cost: money.nullable(),
});

const row = z.looseObject({
  id: z.string().regex(/^r-[a-z0-9]{6}$/),
  name: z.string(),
  state: z.string(),
  exitCode: z.int().nullable(),
  reason: z.string().nullable(),
  platform: z.string().nullable(),
  cost: money,
  quoted: money.nullable(),
  billing: z.enum(["none", "running", "ended", "unconfirmed", "by-hand"]),
  outputs: z.array(z.string()),
  startedAt: time,
  endedAt: nullableTime,
});
const run = row.extend({ attempts: z.array(attempt) });

const candidate = z.looseObject({
  rank: z.int(),
  offerId: z.string(),
  platform: z.string(),
  region: z.string(),
  instanceType: z.string(),
  gpu: z.looseObject({
    model: z.string(),
    vendor: z.string(),
    vramGib: z.number(),
    count: z.int(),
    interconnect: z.string(),
  }),
  market: z.string(),
  pricePerHour: money,
  totalPrice: money,
  breakdown: z.looseObject({
    compute: money,
    disk: money.nullable(),
    publicIp: money.nullable(),
    egress: money.nullable(),
    boot: money,
    imagePull: money.nullable(),
    upload: money.nullable(),
    download: money.nullable(),
    keep: money,
    surcharges: money,
    tax: money.nullable(),
    minimum: money,
    expectedRework: money.nullable(),
    discount: money,
  }),
  availability: z.string(),
  observedAt: time,
});

const plan = z.looseObject({
  candidates: z.array(candidate).min(1),
  rejected: z.array(
    z.looseObject({ platform: z.string(), offerId: z.string(), reasons: z.array(z.string()) }),
  ),
  missing: z.array(z.looseObject({ platform: z.string(), reason: z.string() })),
  currency: z.string(),
  exchangeRates: z.array(z.looseObject({ currency: z.string(), cnyPerUnit: z.number() })),
});

const auditLease = z.looseObject({
  platform: z.string(),
  leaseId: z.string().nullable(),
  runId: z.string().nullable(),
  state: z.string(),
  since: z.string().nullable(),
  pricePerHour: money.nullable(),
});

const audit = z.looseObject({
  billing: z.array(auditLease),
  unconfirmed: z.array(auditLease),
  byHand: z.array(auditLease),
  unknown: z.array(auditLease),
});

const cost = z.looseObject({
  total: money,
  lines: z
    .array(
      z.looseObject({
        runId: z.string(),
        attempt: z.int(),
        platform: z.string(),
        leaseId: z.string(),
        from: time,
        to: time,
        billedSeconds: z.number(),
        amount: money,
        kind: z.string(),
      }),
    )
    .min(1),
});

const meter = z.looseObject({
  machines: z.array(
    z.looseObject({
      leaseId: z.string(),
      platform: z.string(),
      offer: z.string(),
      startedAt: time,
      endedAt: nullableTime,
      billedSeconds: z.number(),
      amount: money,
    }),
  ),
});

const anything = z.unknown();

/** Commands in an order that makes sense, with the shape of their data; `code` where it is not 0. */
const calls: readonly (readonly [args: string, shape: z.ZodType, code?: number])[] = [
  ["plan job.yaml", plan],
  ["submit job.yaml --dry-run", plan],
  ["offers", z.looseObject({ offers: z.array(z.looseObject({ offerId: z.string() })) })],
  ["submit job.yaml -y", run],
  ["ps", z.array(row)],
  ["ps -a", z.array(row).min(1)],
  ["show", run],
  [
    "show --receipt",
    z.array(z.looseObject({ leaseKey: z.string(), looks: z.array(anything) })).min(1),
  ],
  ["wait test-run", anything],
  ["stop test-run", anything],
  ["cost", cost],
  ["audit", audit],
  ["platforms", z.array(z.looseObject({ name: z.string(), adapter: z.string() }))],
  ["doctor", anything],
  ["config", anything],
  ["schema job", z.looseObject({ properties: z.looseObject({}) })],
  ["schema config", z.looseObject({ properties: z.looseObject({}) })],
  ["mock meter", meter],
  ["prune -y", anything],
  ["completion bash", anything],
  ["ssh --print", anything, 2],
  ["exec -- true", anything, 2],
  ["serve", anything, 2],
  ["no-such-command", anything, 2],
  ["show r-nosuch", anything, 2],
  ["mock reset", anything],
];

describe("--json", () => {
  const makePlace = (): ReturnType<typeof makeMarketHome> =>
    makeMarketHome(marketOf(), { "job.yaml": jobOf("echo hi; echo 1 > $GPUJOB_OUTPUT_DIR/a") });

  it("prints one envelope and nothing else, in the documented shape, for every command", async ({
    expect,
  }) => {
    const place = await makePlace();
    for (const [args, shape, code = 0] of calls) {
      // The flag comes first: after `--` it would be the job's.
      const result = await runGpujob(["--json", ...args.split(" ")], place);
      const envelope = readEnvelope(result.out);
      expect([args, result.code]).toEqual([args, code]);
      expect([args, envelope.ok, Array.isArray(envelope.warnings)]).toEqual([
        args,
        code === 0,
        true,
      ]);
      if (code === 0) {
        const parsed = shape.safeParse(envelope.data);
        expect([args, parsed.error?.message]).toEqual([args, undefined]);
      } else {
        expect(envelope.error).toMatchObject({
          kind: expect.any(String),
          message: expect.any(String),
          exitCode: code,
        });
      }
    }
  });

  it("prints a line each for logs", async ({ expect }) => {
    const place = await makePlace();
    await runGpujob(["submit", "job.yaml", "-y"], place);
    const { out } = await runGpujob(["logs", "--json"], place);
    for (const line of out.trimEnd().split("\n"))
      expect(() => JSON.parse(line) as unknown).not.toThrow();
  });
});
