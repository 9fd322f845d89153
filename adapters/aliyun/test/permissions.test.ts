import { readFile } from "node:fs/promises";
import { it } from "vitest";
import { z } from "zod";
import { startCloud, wait } from "./setup.ts";

const policySchema = z.object({
  Statement: z.array(z.object({ Action: z.array(z.string()) })),
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
  const spot = await findOffer("cn-hangzhou-i/ecs.gn7i-c8g1.2xlarge/spot");
  const onDemand = await findOffer("cn-hangzhou-i/ecs.gn7i-c8g1.2xlarge/on-demand");
  const first = await platform.createLease(request(spot), wait);
  const second = await platform.createLease(request(onDemand, { image: "m-bp1ours" }), wait);
  await untilUp(platform, first.leaseId);
  await platform.listLeases({ installation: "testinst" }, wait);
  await platform.extendLease?.(first.leaseId, new Date(Date.now() + 7_200_000).toISOString(), wait);
  await platform.watchInterruption?.(first.leaseId, wait);
  await releaseFully(platform, first.leaseId);
  await releaseFully(platform, second.leaseId);
  expect(await platform.getLease(second.leaseId, wait)).toBeUndefined();
  expect(emulator.leftovers("cn-hangzhou")).toEqual([]);
  expect(emulator.actions()).toEqual(allowed);
});

it("says which right is missing, and where the policy stands", async ({ expect }) => {
  const allowed = (await readPolicy()).filter((action) => action !== "ecs:RunInstances");
  const { platform, findOffer, request } = await startCloud({ allowed });
  const offer = await findOffer("cn-hangzhou-i/ecs.gn7i-c8g1.2xlarge/spot");
  await expect(platform.createLease(request(offer), wait)).rejects.toMatchObject({
    failure: { kind: "forbidden", hint: expect.stringContaining("policy in the README") },
  });
});
