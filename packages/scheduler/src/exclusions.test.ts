import * as fc from "fast-check";
import { describe, it } from "vitest";
import {
  addExclusion,
  dropExpired,
  exclusionKey,
  isExcluded,
  makeExclusion,
  readExclusion,
  type Exclusion,
} from "./index.ts";
import { sampleOffer } from "./testing/samples.ts";

const offer = sampleOffer({ zone: "a" });
const elsewhere = {
  offer: { ...offer, offerId: "b" },
  zone: { ...offer, offerId: "b", zone: "b" },
  region: { ...offer, offerId: "b", region: "cn-shanghai" },
  platform: { ...offer, platform: "other" },
};

function exclude(scope: Exclusion["scope"], untilMs = 100): Exclusion {
  const made = makeExclusion({ message: "no.", scope }, offer, untilMs);
  if (made === undefined) throw new Error(`no exclusion for ${scope}`);
  return made;
}

describe("exclusions", () => {
  it("are as wide as the failure says", ({ expect }) => {
    const covered = (scope: Exclusion["scope"]): readonly boolean[] =>
      [offer, elsewhere.offer, elsewhere.zone, elsewhere.region, elsewhere.platform].map((other) =>
        isExcluded(exclude(scope), other),
      );
    expect(covered("host")).toEqual([true, false, false, false, false]);
    expect(covered("offer")).toEqual([true, false, false, false, false]);
    expect(covered("zone")).toEqual([true, true, false, false, false]);
    expect(covered("region")).toEqual([true, true, true, false, false]);
    expect(covered("account")).toEqual([true, true, true, true, false]);
    expect(covered("platform")).toEqual([true, true, true, true, false]);
  });

  it("are not made for a single call", ({ expect }) => {
    expect(makeExclusion({ message: "no.", scope: "call" }, offer, 1)).toBeUndefined();
  });

  it("are kept once per place, with the later end", ({ expect }) => {
    const long = addExclusion([], exclude("zone", 200));
    expect(addExclusion(long, exclude("zone", 100))).toEqual(long);
    expect(addExclusion(long, exclude("zone", 300)).map(({ untilMs }) => untilMs)).toEqual([300]);
    expect(addExclusion(long, exclude("region", 50))).toHaveLength(2);
  });

  it("end at their time", ({ expect }) => {
    const list = [exclude("zone", 100), exclude("region", 200)];
    expect(dropExpired(list, 99)).toHaveLength(2);
    expect(dropExpired(list, 100)).toEqual([list[1]]);
    expect(dropExpired(list, 200)).toEqual([]);
  });

  it("survive JSON and have one key per place", ({ expect }) => {
    const scope = fc.constantFrom(
      "offer",
      "zone",
      "region",
      "account",
      "platform",
      "host" as const,
    );
    fc.assert(
      fc.property(scope, scope, (first, second) => {
        const copy: Exclusion = JSON.parse(JSON.stringify(exclude(first)));
        expect(copy).toEqual(exclude(first));
        expect(readExclusion(exclusionKey(copy), { untilMs: 100, reason: "no." })).toEqual(copy);
        expect(exclusionKey(copy) === exclusionKey(exclude(second))).toBe(first === second);
      }),
    );
  });

  it("read back nothing from a key of another kind", ({ expect }) => {
    const rest = { untilMs: 1, reason: "no." };
    for (const key of ["", "x", "[]", '["call","a",null,null,null]', '["zone",1,null,null,null]']) {
      expect(readExclusion(key, rest), key).toBeUndefined();
    }
  });
});
