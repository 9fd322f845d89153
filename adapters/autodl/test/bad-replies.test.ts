import { readdirSync, readFileSync } from "node:fs";
import { createTestRequest } from "@gpujob/adapter-kit/testing";
import type { TestAnswer } from "@gpujob/adapter-kit/testing";
import type { Platform } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { describe, it } from "vitest";
import type { FakeAutodl } from "./fake-autodl.ts";
import { startFakeAutodl } from "./fake-autodl.ts";
import { openAutodl } from "./open-autodl.ts";

/** An answer as it might come, and what must be made of it. */
interface BadReply {
  readonly call: "listOffers" | "listLeases" | "getLease" | "createLease" | "getBalance";
  readonly path: string;
  readonly answer: TestAnswer;
  readonly kind: string;
  readonly scope: string;
}

const folder = new URL("../fixtures/replies/", import.meta.url);
const wait = { signal: new AbortController().signal };

function read(file: string): BadReply {
  return JSON.parse(readFileSync(new URL(file, folder), "utf8"));
}

async function call(platform: Platform, { call: name }: BadReply): Promise<unknown> {
  if (name === "listOffers") return platform.listOffers({}, wait);
  if (name === "listLeases") return platform.listLeases({ installation: "conforma" }, wait);
  if (name === "getBalance") return platform.getBalance?.(wait);
  return name === "createLease" ? rent(platform) : platform.getLease("pro-000000000001", wait);
}

async function rent(platform: Platform): Promise<unknown> {
  const offers = await platform.listOffers({}, wait);
  const offer = offers.find(({ offerId }) => offerId === "any/4090D/1");
  if (offer === undefined) throw new Error("There is no such offer.");
  return platform.createLease(createTestRequest(offer, Date.now()), wait);
}

async function failureOf(work: Promise<unknown>): Promise<PlatformError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (PlatformError.is(error)) return error;
  throw new Error(`It threw no PlatformError: ${String(error)}`);
}

async function withFake(work: (fake: FakeAutodl) => Promise<void>): Promise<void> {
  const fake = await startFakeAutodl();
  try {
    await work(fake);
  } finally {
    await fake.close();
  }
}

describe("a bad reply", () => {
  it.for(readdirSync(folder))("%s becomes a typed error", (file, { expect }) =>
    withFake(async (fake) => {
      const reply = read(file);
      const { platform } = openAutodl(fake);
      // There must be a machine to ask about, and none that a create would find.
      if (reply.call !== "createLease") await rent(platform);
      fake.answerNext(reply.path, reply.answer);
      const { failure } = await failureOf(call(platform, reply));
      expect(failure).toMatchObject({
        kind: reply.kind,
        scope: reply.scope,
        platform: "autodl",
        operation: reply.call,
      });
      expect(failure.message).not.toContain("<html");
    }),
  );

  it("of a list that shows the same page again is no list", ({ expect }) =>
    withFake(async (fake) => {
      const { platform } = openAutodl(fake);
      const row = { uuid: "pro-1", name: "gj-x", status: "running", started_at: null };
      const same = { list: [row], max_page: 9, result_total: 9, page_index: 1 };
      fake.answerAlways("/pro/list", { json: { code: "Success", msg: "", data: same } });
      const { failure } = await failureOf(platform.listLeases({ installation: "conforma" }, wait));
      expect(failure).toMatchObject({ kind: "contract_violation", scope: "platform" });
      expect(failure.message).toContain("not complete (1 of 9)");
    }));

  it("of a list that changes while it is read is read again", ({ expect }) =>
    withFake(async (fake) => {
      const { platform } = openAutodl(fake);
      const row = { uuid: "pro-1", name: "gj-x", status: "running" };
      const first = { list: [row], max_page: 2, result_total: 2 };
      fake.answerNext("/pro/list", { json: { code: "Success", msg: "", data: first } });
      expect(await platform.listLeases({ installation: "conforma" }, wait)).toEqual([]);
      expect(fake.requests).toHaveLength(3);
    }));

  it("of an empty list is a good answer: nothing is rented", ({ expect }) =>
    withFake(async (fake) => {
      const { platform } = openAutodl(fake);
      expect(await platform.listLeases({ installation: "conforma" }, wait)).toEqual([]);
    }));

  it("for a region that does not exist names the region", ({ expect }) =>
    withFake(async (fake) => {
      const { platform } = openAutodl(fake, { site: "gpuhub", regions: ["Singapore-A", "Mars-B"] });
      const { failure } = await failureOf(platform.listOffers({}, wait));
      expect(failure).toMatchObject({ kind: "unsupported_request", scope: "region" });
      expect(failure.message).toContain("Mars-B");
    }));
});
