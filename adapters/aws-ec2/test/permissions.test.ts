import { readFile } from "node:fs/promises";
import { it } from "vitest";
import { z } from "zod";
import { startCloud, wait } from "./setup.ts";

const policySchema = z.object({
  Statement: z.array(z.object({ Action: z.union([z.string(), z.array(z.string())]) })),
});

/** The actions of the policy in the README. */
async function readPolicy(): Promise<readonly string[]> {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const text = /```json\n([\s\S]*?)```/.exec(readme)?.[1] ?? "{}";
  return policySchema
    .parse(JSON.parse(text))
    .Statement.flatMap(({ Action }) => Action)
    .toSorted();
}

it("makes every call that the policy of the README allows, and needs no other", async ({
  expect,
}) => {
  const allowed = await readPolicy();
  const { emulator, platform, findOffer, request, releaseFully, untilUp } = await startCloud({
    allowed,
  });
  const spot = await findOffer("us-east-1a/g6e.xlarge/spot");
  const onDemand = await findOffer("us-east-1a/g6e.xlarge/on-demand");
  const first = await platform.createLease(request(spot), wait);
  const fast = await findOffer("us-east-1a/p4d.24xlarge/spot");
  const third = await platform.createLease(request(fast, { fabric: "rdma" }), wait);
  const image = "ami-0000000000000a003";
  const second = await platform.createLease(request(onDemand, { image }), wait);
  await untilUp(platform, first.leaseId);
  await platform.listLeases({ installation: "testinst" }, wait);
  await platform.extendLease?.(first.leaseId, new Date(Date.now() + 7_200_000).toISOString(), wait);
  await platform.watchInterruption?.(first.leaseId, wait);
  // A disk that does not go with its machine, as after somebody's change of that setting.
  const { volumes } = emulator.region("us-east-1");
  for (const [id, volume] of volumes) volumes.set(id, { ...volume, goesAlong: false });
  await releaseFully(platform, first.leaseId);
  await releaseFully(platform, second.leaseId);
  await releaseFully(platform, third.leaseId);
  expect(emulator.leftovers("us-east-1")).toEqual([]);
  expect(emulator.actions()).toEqual(allowed);
});

it("says which right is missing, and where the policy stands", async ({ expect }) => {
  const allowed = (await readPolicy()).filter((action) => action !== "ec2:RunInstances");
  const { platform, findOffer, request } = await startCloud({ allowed });
  const offer = await findOffer("us-east-1a/g6e.xlarge/spot");
  await expect(platform.createLease(request(offer), wait)).rejects.toMatchObject({
    failure: { kind: "forbidden", hint: expect.stringContaining("policy in the README") },
  });
});

it("offers spot machines, and one region on demand by a dated sheet, where the price list may not be asked", async ({
  expect,
}) => {
  const allowed = (await readPolicy()).filter((action) => action !== "pricing:GetProducts");
  const { platform } = await startCloud({
    allowed,
    config: { regions: ["us-east-1", "eu-west-1"] },
  });
  const offers = await platform.listOffers({}, wait);
  const onDemand = offers.filter(({ market }) => market === "on-demand");
  expect(onDemand.map(({ region }) => region)).toContain("us-east-1");
  expect(onDemand.map(({ region }) => region)).not.toContain("eu-west-1");
  for (const { price, observedAt, notes } of onDemand) {
    expect(price.source).toBe("sheet");
    expect(observedAt).toBe("2026-07-20T00:00:00Z");
    expect(notes?.join(" ")).toContain("dated sheet");
  }
  expect(
    offers.filter(({ market, region }) => market === "spot" && region === "eu-west-1"),
  ).not.toEqual([]);
});
