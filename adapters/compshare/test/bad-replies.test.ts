import { readdirSync, readFileSync } from "node:fs";
import type { TestAnswer } from "@gpujob/adapter-kit/testing";
import { PlatformError } from "@gpujob/spec";
import { describe, it } from "vitest";
import type { World } from "./world.ts";
import { withWorld } from "./world.ts";

/** An answer as it might come, and what must be made of it. */
interface BadReply {
  readonly call: "listOffers" | "listLeases" | "getLease" | "createLease" | "getBalance";
  readonly action: string;
  readonly answer: TestAnswer;
  readonly kind: string;
  readonly scope: string;
}

const folder = new URL("../fixtures/replies/", import.meta.url);

function read(file: string): BadReply {
  return JSON.parse(readFileSync(new URL(file, folder), "utf8"));
}

async function call({ fake, platform, wait, request }: World, reply: BadReply): Promise<unknown> {
  const order = await request();
  fake.answerNext(reply.action, reply.answer);
  switch (reply.call) {
    case "listOffers":
      return platform.listOffers({}, wait);
    case "listLeases":
      return platform.listLeases({ installation: "conforma" }, wait);
    case "getLease":
      return platform.getLease("uhost-1", wait);
    case "createLease":
      return platform.createLease(order, wait);
    case "getBalance":
      return platform.getBalance?.(wait);
  }
}

async function failureOf(work: Promise<unknown>): Promise<PlatformError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (PlatformError.is(error)) return error;
  throw new Error(`It threw no PlatformError: ${String(error)}`);
}

describe("a bad reply", () => {
  it.for(readdirSync(folder))("%s becomes a typed error", (file, { expect }) =>
    withWorld(async (world) => {
      const reply = read(file);
      const { failure } = await failureOf(call(world, reply));
      expect(failure).toMatchObject({
        kind: reply.kind,
        scope: reply.scope,
        platform: "compshare",
        operation: reply.call,
      });
      expect(failure.message).not.toContain("<html");
    }),
  );

  it("of a list that shows the same page again is no list", ({ expect }) =>
    withWorld(async ({ fake, platform, wait }) => {
      const machine = { UHostId: "uhost-1", Zone: "z-01", State: "Running", ChargeType: "Postpay" };
      const same = { json: { RetCode: 0, TotalCount: 9, UHostSet: [machine] } };
      fake.answerAlways("DescribeCompShareInstance", same);
      const { failure } = await failureOf(platform.listLeases({ installation: "conforma" }, wait));
      expect(failure).toMatchObject({ kind: "contract_violation", scope: "platform" });
      expect(failure.message).toContain("1 of 9");
    }));

  it("of a list that changes while it is read is read again", ({ expect }) =>
    withWorld(async ({ fake, platform, wait }) => {
      const machine = { UHostId: "uhost-9", Zone: "z-01", State: "Running", ChargeType: "Spot" };
      const first = { json: { RetCode: 0, TotalCount: 2, UHostSet: [machine] } };
      fake.answerNext("DescribeCompShareInstance", first);
      expect(await platform.listLeases({ installation: "conforma" }, wait)).toEqual([]);
      expect(fake.requests).toHaveLength(3);
    }));

  it("of an empty list is a good answer: nothing is rented", ({ expect }) =>
    withWorld(async ({ platform, wait }) => {
      expect(await platform.listLeases({ installation: "conforma" }, wait)).toEqual([]);
    }));

  it("for a region that does not exist names the region", ({ expect }) =>
    withWorld(
      async ({ platform, wait }) => {
        const { failure } = await failureOf(platform.listOffers({}, wait));
        expect(failure).toMatchObject({ kind: "unsupported_request", scope: "region" });
        expect(failure.message).toContain("mars-1");
      },
      { regions: ["cn-wlcb", "mars-1"] },
    ));
});
