import type { JobSpec, ModelUse, Offer, OfferGpu, Plan } from "@gpujob/spec";
import { describe, it } from "vitest";
import { makePlan, matchOffer, modelDiskGib } from "./index.ts";
import { cny, context, gpu4090, plainPrice, sampleJob, sampleOffer } from "./testing/samples.ts";

const lora7: ModelUse = {
  params: 7e9,
  task: "lora",
  precision: "bf16",
  contextTokens: 2048,
  batch: 1,
  optimizer: "adamw",
};
const gpuOf = (model: string, vramGib: number, count = 1): OfferGpu => ({
  ...gpu4090,
  model,
  vramGib,
  count,
});

const offers: readonly Offer[] = (
  [
    ["3060", gpuOf("RTX3060", 12), 0.8],
    ["3060x2", gpuOf("RTX3060", 12, 2), 1.5],
    ["4090", gpuOf("RTX4090", 24), 2],
    ["4090x2", gpuOf("RTX4090", 24, 2), 4],
    ["a100", gpuOf("A100", 80), 7],
    ["a100x8", gpuOf("A100", 80, 8), 56],
  ] as const
).map(([offerId, gpu, price]) =>
  sampleOffer({ offerId, gpu, price: { ...plainPrice, perHour: cny(price) } }),
);

function jobOf(model: ModelUse, changes: Parameters<typeof sampleJob>[0] = {}): JobSpec {
  return { ...sampleJob(changes), model };
}
/** A job that leaves its cards to the model. */
function openJob(model: ModelUse): JobSpec {
  return jobOf(model, { resources: { gpus: [] } });
}
function plan(job: JobSpec): Plan {
  return makePlan({ ...context, job, offers, missing: [], exclusions: [] });
}
const ids = ({ candidates }: Plan): readonly string[] => candidates.map(({ offerId }) => offerId);

describe("a job with a model", () => {
  it("takes the cheapest card that holds it when it asks for none", ({ expect }) => {
    const made = plan(openJob(lora7));
    expect(ids(made)).toEqual(["4090", "4090x2", "a100", "a100x8"]);
    const [first] = made.candidates;
    const need = made.model?.need.perCard.totalGib ?? 0;
    expect(need).toBeGreaterThan(16);
    expect(first?.model).toEqual({ needGib: need, headroomGib: 24 - need });
    expect(made.model).toMatchObject({ params: 7e9, headroomGib: 24 - need, contradictions: [] });
  });

  it("says of each card that is too small how much is needed, with no tolerance", ({ expect }) => {
    const small = offers.slice(0, 2).map((offer) => {
      return matchOffer(openJob(lora7), offer, [], context);
    });
    expect(small).toMatchInlineSnapshot(`
      [
        [
          "12 GiB per card, the model needs 21.2",
        ],
        [
          "12 GiB per card, the model needs 13.7 on each of 2 cards",
        ],
      ]
    `);
    const { gpu: _gpu, ...bare } = sampleOffer();
    expect(matchOffer(openJob(lora7), bare, [], context)).toEqual([
      "no accelerator, the model needs one",
    ]);
  });

  it("spreads a model that no card holds over several", ({ expect }) => {
    const made = plan(openJob({ ...lora7, params: 70e9 }));
    expect(ids(made)).toEqual(["a100x8"]);
    expect(made.model?.need).toMatchObject({ cards: 8, link: "pcie", fabric: "none" });
    expect(made.model?.assumptions.at(-1)).toContain("spread over all cards");
  });

  it("holds both what is asked for and what the model needs, the stricter", ({ expect }) => {
    const gpus = (gib: number) => ({
      gpus: [{ vramGib: { min: gib }, count: { min: 1, max: 1 } }],
    });
    const low = plan(jobOf(lora7, { resources: gpus(12) }));
    expect(ids(low)).toEqual(["4090", "a100"]);
    expect(low.model?.contradictions).toMatchInlineSnapshot(`
      [
        "resources.gpu asks for 12 GiB per card, the model needs 21.2 GiB on one: the larger holds.",
      ]
    `);
    const high = plan(jobOf(lora7, { resources: gpus(48) }));
    expect(ids(high)).toEqual(["a100"]);
    expect(high.model?.contradictions).toEqual([]);
  });

  it("says when the cards asked for can never hold it", ({ expect }) => {
    const made = plan(jobOf({ ...lora7, params: 70e9 }));
    expect(made.candidates).toEqual([]);
    expect(made.model?.contradictions).toMatchInlineSnapshot(`
      [
        "resources.gpu allows 48 GiB per card at most, the model needs 161.1 GiB on one: no offer can fit.",
      ]
    `);
    expect(made.model?.headroomGib).toBeUndefined();
  });

  it("says when the disk asked for may be too small, and leaves it so", ({ expect }) => {
    const job = jobOf(lora7, { resources: { diskGib: { min: 20 } } });
    expect(plan(job).model?.contradictions).toEqual([
      `resources.disk asks for 20 GiB, the model may need ${modelDiskGib(job)}: 20 holds.`,
    ]);
  });
});

it("takes a machine that does not tell its disk where nobody asked for one", ({ expect }) => {
  const { includedDiskGib: _included, maxDiskGib: _most, ...silent } = sampleOffer();
  const small = { ...silent, includedDiskGib: 30, maxDiskGib: 30 };
  const disk = { diskGib: { min: 40 } };
  const estimated = jobOf(lora7, { resources: { ...disk, isDiskEstimated: true } });
  expect(matchOffer(estimated, silent, [], context)).toEqual([]);
  expect(matchOffer(estimated, small, [], context)).toEqual([
    "30 GiB of disk at most, 40 asked for",
  ]);
  expect(matchOffer(jobOf(lora7, { resources: disk }), silent, [], context)).toHaveLength(1);
});

describe("cheaper alternatives", () => {
  it("are to quantise, where that fits a cheaper offer", ({ expect }) => {
    const [one] = plan(openJob(lora7)).model?.alternatives ?? [];
    expect(one).toMatchObject({
      kind: "quantise",
      change: "model.task: qlora",
      offerId: "3060x2",
      cards: 2,
    });
    expect(one?.saves?.micros).toBeGreaterThan(0);
  });

  it("are a smaller batch, where that fits a cheaper offer", ({ expect }) => {
    const { alternatives = [] } = plan(openJob({ ...lora7, batch: 2 })).model ?? {};
    expect(alternatives.map(({ change }) => change)).toContain("model.batch: 1");
  });

  it("are more cards, where the job allows one only and none is large enough", ({ expect }) => {
    const use: ModelUse = { ...lora7, params: 13e9, precision: "bf16" };
    const made = plan(jobOf(use));
    expect(made.candidates).toEqual([]);
    const more = made.model?.alternatives.find(({ kind }) => kind === "more-cards");
    expect(more).toMatchObject({ change: "2 cards in resources.gpu", offerId: "4090x2", cards: 2 });
    expect(more?.saves).toBeUndefined();
  });

  it("are none where nothing is cheaper", ({ expect }) => {
    expect(plan(openJob({ ...lora7, params: 0.5e9 })).model?.alternatives).toEqual([]);
  });

  it("are always cheaper than the first candidate, and really fit", ({ expect }) => {
    for (const params of [0.5e9, 3e9, 7e9, 13e9, 33e9, 70e9]) {
      for (const task of ["inference", "lora", "full"] as const) {
        const made = plan(openJob({ ...lora7, params, task, batch: 4 }));
        const price = made.candidates[0]?.totalPrice.micros ?? Infinity;
        for (const one of made.model?.alternatives ?? []) {
          expect(one.totalPrice.micros).toBeLessThan(price);
          const offer = offers.find(({ offerId }) => offerId === one.offerId);
          expect(one.needGib).toBeLessThanOrEqual(offer?.gpu?.vramGib ?? 0);
        }
      }
    }
  });
});

it("changes nothing for a job without a model", ({ expect }) => {
  const made = plan(sampleJob());
  expect(made.model).toBeUndefined();
  expect(made.candidates[0]).not.toHaveProperty("model");
});
