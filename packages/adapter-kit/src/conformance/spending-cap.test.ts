import { it } from "vitest";
import {
  createFakePlatform,
  createTestClock,
  createTestOffer,
  createTestRequest,
} from "../testing/index.ts";
import { capSpending } from "./spending-cap.ts";

const wait = { signal: new AbortController().signal };
const cny = (amount: number) => ({ currency: "CNY", micros: amount * 1_000_000 });

function openCapped(cap: number) {
  const clock = createTestClock();
  const base = createTestOffer();
  const offer = { ...base, price: { ...base.price, perHour: cny(4) } };
  const fake = createFakePlatform({ clock, offers: [offer] });
  const capped = capSpending(fake.platform, cny(cap), clock);
  const request = (key: string) => ({
    ...createTestRequest(offer, clock.now()),
    leaseKey: key.padEnd(32, "0"),
  });
  return { clock, offer, fake, capped, request };
}

it("counts each lease until its release, at least a quarter of an hour", async ({ expect }) => {
  const { clock, capped, request } = openCapped(10);
  const { leaseId } = await capped.platform.createLease(request("a"), wait);
  expect(capped.spent()).toEqual(cny(1));
  await clock.advance(3_600_000);
  expect(capped.spent()).toEqual(cny(4));
  await capped.platform.releaseLease(leaseId, wait);
  await clock.advance(3_600_000);
  expect(capped.spent()).toEqual(cny(4));
});

it("counts a lease once that is created twice with one key", async ({ expect }) => {
  const { capped, request } = openCapped(10);
  await capped.platform.createLease(request("a"), wait);
  await capped.platform.createLease(request("a"), wait);
  expect(capped.spent()).toEqual(cny(1));
});

it("rents nothing that could go over the cap", async ({ expect }) => {
  const { capped, request, offer, fake } = openCapped(1.5);
  await capped.platform.createLease(request("a"), wait);
  expect(capped.allows(offer)).toBe(false);
  await expect(capped.platform.createLease(request("b"), wait)).rejects.toMatchObject({
    failure: { kind: "insufficient_funds", message: expect.stringContaining("1.5 CNY") },
  });
  expect(fake.bills()).toHaveLength(1);
});

it("allows nothing in a currency that the cap is not in", ({ expect }) => {
  const { capped, offer } = openCapped(100);
  const dollars = { ...offer, price: { ...offer.price, perHour: { currency: "USD", micros: 1 } } };
  expect(capped.allows(dollars)).toBe(false);
});
