import type { Ownership } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { fromOwnershipTags, looksLikeOurs, packOwnership } from "./index.ts";
import { toOwnershipTags, unpackOwnership } from "./index.ts";

const text = (minLength: number, maxLength: number) =>
  fc
    .array(fc.integer({ min: 0, max: 35 }), { minLength, maxLength })
    .map((digits) => digits.map((digit) => digit.toString(36)).join(""));

const ownerships: fc.Arbitrary<Ownership> = fc.record({
  installation: text(8, 8),
  run: text(1, 14),
  attempt: fc.integer({ min: 1, max: 9999 }),
  member: fc.integer({ min: 0, max: 999 }),
  expires: fc.integer({ min: 0, max: 9_999_999_999 }),
});

const anything = fc.record({
  installation: fc.string(),
  run: fc.string(),
  attempt: fc.double(),
  member: fc.double(),
  expires: fc.double(),
});

function packs(ownership: Ownership): string | undefined {
  try {
    return packOwnership(ownership);
  } catch (error) {
    if (PlatformError.is(error) && error.kind === "unsupported_request") return undefined;
    throw error;
  }
}

describe("ownership", () => {
  it("reads back what it packed, within 48 of [a-z0-9-]", ({ expect }) => {
    fc.assert(
      fc.property(ownerships, (ownership) => {
        const name = packOwnership(ownership);
        expect(name).toMatch(/^[a-z0-9-]{1,48}$/);
        expect(unpackOwnership(name)).toEqual(ownership);
      }),
    );
  });

  it("refuses what would not read back the same", ({ expect }) => {
    fc.assert(
      fc.property(fc.oneof(anything, ownerships), (ownership) => {
        const name = packs(ownership);
        if (name !== undefined) expect(unpackOwnership(name)).toEqual(ownership);
      }),
    );
    expect(
      packs({ installation: "short", run: "a", attempt: 1, member: 0, expires: 1 }),
    ).toBeUndefined();
    expect(
      packs({ installation: "aaaaaaaa", run: "a".repeat(40), attempt: 1, member: 0, expires: 1 }),
    ).toBeUndefined();
    expect(
      packs({ installation: "aaaaaaaa", run: "a-b", attempt: 1, member: 0, expires: 1 }),
    ).toBeUndefined();
  });

  it("reads no other text as ownership, but still knows a damaged name as ours", ({ expect }) => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        expect(unpackOwnership(name)).toBeUndefined();
      }),
    );
    expect(unpackOwnership("gj-aaaaaaaa-run-1-0")).toBeUndefined();
    expect(looksLikeOurs("gj-aaaaaaaa-run-1-0")).toBe(true);
    expect(looksLikeOurs("web-server")).toBe(false);
  });

  it("travels as tags too", ({ expect }) => {
    fc.assert(
      fc.property(ownerships, text(32, 32), (ownership, leaseKey) => {
        const tags = toOwnershipTags(ownership, leaseKey);
        expect(fromOwnershipTags({ ...tags, other: "x" })).toEqual({ ownership, leaseKey });
      }),
    );
  });

  it("keeps the lease key when another tag is damaged", ({ expect }) => {
    const ownership = { installation: "aaaaaaaa", run: "r", attempt: 1, member: 0, expires: 5 };
    const tags = { ...toOwnershipTags(ownership, "key"), "gpujob-attempt": "one" };
    expect(fromOwnershipTags(tags)).toEqual({ leaseKey: "key" });
    expect(fromOwnershipTags({})).toEqual({});
  });
});
