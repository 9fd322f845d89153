import { PlatformError } from "@gpujob/spec";
import { describe, it } from "vitest";
import type { ErrorFacts, ErrorTable } from "./index.ts";
import { classifyBy, matchError } from "./index.ts";
import { errorTableProblems } from "./testing/index.ts";

const table: ErrorTable = [
  { text: /stock|库存/i, kind: "no_capacity", scope: "zone", example: "stock" },
  { code: "InternalError", kind: "unavailable", scope: "platform", example: "internal" },
  {
    code: "InternalError",
    text: /库存/,
    kind: "no_capacity",
    scope: "offer",
    example: "none-left",
  },
  { code: 226604, kind: "no_capacity", scope: "zone", example: "number" },
  { status: 404, kind: "absent", scope: "call", example: "gone" },
];

const examples: Record<string, ErrorFacts> = {
  stock: { text: "Out of stock" },
  internal: { code: "InternalError", text: "try later" },
  "none-left": { code: "InternalError", text: "当前算力规格暂无库存" },
  number: { code: "226604" },
  gone: { status: 404, text: "no such thing" },
};

describe("matchError", () => {
  it("goes by code first, then by text, then by status", ({ expect }) => {
    const kinds = Object.values(examples).map((facts) => {
      const row = matchError(table, facts);
      return `${row?.kind}/${row?.scope}`;
    });
    expect(kinds).toEqual([
      "no_capacity/zone",
      "unavailable/platform",
      "no_capacity/offer",
      "no_capacity/zone",
      "absent/call",
    ]);
    expect(matchError(table, { code: "Other", text: "what", status: 400 })).toBeUndefined();
    expect(matchError(table, {})).toBeUndefined();
  });
});

describe("errorTableProblems", () => {
  it("is content when each row's fixture finds that row", async ({ expect }) => {
    expect(await errorTableProblems(table, (name) => examples[name] ?? {})).toEqual([]);
  });

  it("names rows without a fixture, rows that never match and rows behind another", async ({
    expect,
  }) => {
    const first = table[0];
    if (first === undefined) throw new Error("The table is empty.");
    const bad = [...table, first, { ...first, text: /never/ }, { ...first, example: "missing" }];
    const problems = await errorTableProblems(
      bad.map((row) => ({ ...row })),
      (name) => {
        const facts = examples[name];
        if (facts === undefined) throw new Error("no such file");
        return facts;
      },
    );
    expect(problems).toHaveLength(3);
    expect(problems.join("\n")).toMatch(/taken by row 1[^]*cannot be read: no such file/);
  });
});

describe("classifyBy", () => {
  const classify = classifyBy(table);

  it("knows its own errors, an SDK's, a network's and an abort", ({ expect }) => {
    const own = new PlatformError("rate_limited", "slow down", { retryAfterMs: 5 });
    const sdk = Object.assign(new Error("no 库存"), { code: "InternalError" });
    const reset = new TypeError("fetch failed", {
      cause: Object.assign(new Error("reset"), { code: "ECONNRESET" }),
    });
    expect(classify(own)).toEqual({ kind: "rate_limited", scope: "call", retryAfterMs: 5 });
    expect(classify(sdk)).toEqual({ kind: "no_capacity", scope: "offer" });
    expect(classify(reset)).toEqual({ kind: "unreachable", scope: "platform" });
    expect(classify(new DOMException("stop", "AbortError")).kind).toBe("aborted");
    expect(classify(undefined).kind).toBe("contract_violation");
  });
});
