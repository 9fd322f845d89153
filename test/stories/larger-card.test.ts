import type { GpuRequest, JobSpec, Offer } from "@gpujob/spec";
import { describe, it } from "vitest";
import { createWorld, testJob, testOffer } from "./support/world.ts";
import type { World } from "./support/world.ts";

const small: GpuRequest = { models: ["RTX4090"], count: { min: 1, max: 1 } };
const text = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.";
const larger: JobSpec["retry"] = {
  interruptions: 5,
  failures: 0,
  rules: [{ on: "oom", action: "retry", gpu: "larger" }],
};

/** A market with cards of 24, 48 and 80 GiB, on which a job needs more than the first `tooSmall` attempts give. */
function market(
  tooSmall: number,
  options: {
    readonly job?: Partial<JobSpec>;
    readonly offers?: readonly Offer[];
    readonly log?: string;
  } = {},
): Promise<World> {
  const { job = { retry: larger }, log = text } = options;
  const card = (id: string, model: string, vramGib: number, micros: number): Offer =>
    testOffer(id, "one", micros, {
      gpu: { vendor: "nvidia", model, vramGib, count: 1, interconnect: "pcie" },
    });
  const offers = options.offers ?? [
    card("a", "RTX4090", 24, 2_000_000),
    card("a2", "RTX4090", 24, 2_100_000),
    card("h", "H100", 80, 12_000_000),
    card("l", "L40S", 48, 5_000_000),
  ];
  return createWorld({
    platforms: { one: { offers } },
    job: { resources: { ...testJob().resources, gpus: [small] }, ...job },
    script: { exitCodeOf: (attempt) => (attempt <= tooSmall ? 1 : 0) },
    logTail: (attempt) => (attempt <= tooSmall ? `step 3\n${log}\n` : "done\n"),
  });
}

async function offersOf(world: World): Promise<readonly string[]> {
  return (await world.view()).attempts.map(({ offerId }) => offerId);
}

describe("a job whose card ran out of memory", () => {
  it("is not tried again where no rule says so, and its reason says what ran out", async ({
    expect,
  }) => {
    const world = await market(1, { job: {} });
    await world.drive();
    expect(await world.view()).toMatchObject({
      state: "failed",
      exitCode: 1,
      reason:
        'The job ended with exit code 1: the memory of its card ran out ("CUDA out of memory" in its log).',
    });
    expect(await offersOf(world)).toEqual(["a"]);
  });

  it("goes on a larger card by rule, the next larger one first, and says so", async ({
    expect,
  }) => {
    const world = await market(2);
    await world.drive();
    const view = await world.view();
    expect(view).toMatchObject({ state: "succeeded", exitCode: 0 });
    expect(await offersOf(world)).toEqual(["a", "l", "h"]);
    expect(view.attempts[0]?.reason).toContain(
      "retry.rules asks for another try after code 1 on a card with more than the 24 GiB of RTX4090.",
    );
    expect(view.notes).toEqual([
      "Attempt 2 has L40S with 48 GiB for 5.00 CNY/h instead of RTX4090 with 24 GiB for 2.00 CNY/h, because memory ran out in attempt 1 (retry.rules).",
      "Attempt 3 has H100 with 80 GiB for 12.00 CNY/h instead of L40S with 48 GiB for 5.00 CNY/h, because memory ran out in attempt 2 (retry.rules).",
    ]);
    const plans = (await world.store.listEvents(world.runId)).filter(
      ({ type }) => type === "plan-made",
    );
    expect(plans.map(({ data }) => /"aboveGib":(\d+)/.exec(data)?.[1])).toEqual([
      undefined,
      "24",
      "48",
    ]);
  });

  it("ends with the job's own code where there is no larger card, or none for the price", async ({
    expect,
  }) => {
    const none = await market(3);
    await none.drive();
    expect(await none.view()).toMatchObject({ state: "failed", exitCode: 1 });
    expect(await offersOf(none)).toEqual(["a", "l", "h"]);
    const pricePerHour = { currency: "CNY", micros: 3_000_000 };
    const limits = { timeMs: 86_400_000, holdMs: 28_800_000, pricePerHour };
    const poor = await market(1, { job: { retry: larger, limits } });
    await poor.drive();
    const view = await poor.view();
    expect(view).toMatchObject({ state: "failed", exitCode: 1 });
    expect(view.reason).toContain("The memory ran out, and no card with more than 24 GiB");
    expect(await offersOf(poor)).toEqual(["a"]);
  });

  it("takes no larger card for another mistake", async ({ expect }) => {
    const world = await market(1, { log: "ModuleNotFoundError: No module named 'torch'" });
    await world.drive();
    expect(await world.view()).toMatchObject({ state: "failed", exitCode: 1 });
    expect(await offersOf(world)).toEqual(["a"]);
  });
});
