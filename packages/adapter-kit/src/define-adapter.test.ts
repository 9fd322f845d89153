import { GpujobError } from "@gpujob/spec";
import { describe, it } from "vitest";
import { z } from "zod";
import { capabilityDefaults, defineAdapter } from "./index.ts";
import type { AdapterDefinitionInput } from "./index.ts";
import { createFakePlatform, createTestClock } from "./testing/index.ts";

const clock = createTestClock();
const withExtras = createFakePlatform({ clock, offers: [] }).platform;
const none = { interruptionNotice: false, capacityCheck: false, balance: false, charges: false };
const required = createFakePlatform({ clock, offers: [], capabilities: none }).platform;

function input(
  over: Partial<AdapterDefinitionInput<unknown>> = {},
): AdapterDefinitionInput<unknown> {
  return {
    id: "my-cloud",
    title: "My Cloud",
    contractVersion: 1,
    configSchema: z.strictObject({}),
    capabilities: { release: "api", markets: ["on-demand"] },
    create: () => required,
    ...over,
  };
}

function problem(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return GpujobError.is(error) ? error.failure.message : `not ours: ${String(error)}`;
  }
  return "";
}

describe("defineAdapter", () => {
  it("fills in the careful default of every capability that is left out", ({ expect }) => {
    expect(defineAdapter(input()).capabilities).toEqual({
      ...capabilityDefaults,
      release: "api",
      markets: ["on-demand"],
    });
  });

  it.for(["", "My", "my_cloud", "-a", "a--b", "1a", "a".repeat(33)])(
    "refuses the id %j",
    (id, { expect }) => {
      expect(problem(() => defineAdapter(input({ id })))).toContain("must be lower-case words");
    },
  );

  it("refuses a contract version that this gpujob does not speak", ({ expect }) => {
    expect(problem(() => defineAdapter(input({ contractVersion: 2 })))).toContain("speaks version");
  });

  it("refuses claims that contradict each other, and names all of them", ({ expect }) => {
    const message = problem(() =>
      defineAdapter(
        input({
          title: " ",
          capabilities: {
            release: "owned",
            markets: ["spot", "spot"],
            powerOff: "ends",
            idempotency: "name",
            visibilityWindowMs: -1,
          },
        }),
      ),
    );
    for (const part of ["title", "markets", "powerOff", "idempotency", "visibility"]) {
      expect(message).toContain(part);
    }
  });

  it("refuses a platform whose methods differ from its capabilities", ({ expect }) => {
    const claims = { release: "api", markets: ["spot"], balance: true } as const;
    const missing = defineAdapter(input({ capabilities: claims }));
    const surplus = defineAdapter(input({ create: () => withExtras }));
    const context = Reflect.get({}, "context");
    expect(problem(() => missing.create({}, context))).toContain("getBalance is missing");
    expect(problem(() => surplus.create({}, context))).toContain("getBalance is there");
  });
});
