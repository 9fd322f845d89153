import { Secret } from "@gpujob/spec";
import { describe, it } from "vitest";
import type { ErrorTable } from "./error-table.ts";
import { errorRows, matchError } from "./error-table.ts";
import { findOrMake } from "./find-or-make.ts";
import { createSdkCalls } from "./sdk-calls.ts";
import { createTestClock } from "./testing/test-clock.ts";

const errors: ErrorTable = [
  ...errorRows({ kind: "no_capacity", scope: "offer", hint: "Try elsewhere." }, "Full", "NoStock"),
  ...errorRows({ kind: "absent", scope: "call" }, "Gone"),
  { code: /Throttling/, kind: "rate_limited", scope: "account", example: "Throttling.User" },
  { code: "Throttling.Odd", kind: "unavailable", scope: "call", example: "Throttling.Odd" },
  ...errorRows({ kind: "unauthorized", scope: "account" }, "NoKeys"),
];
const wait = { signal: new AbortController().signal };
const calls = createSdkCalls({
  platform: "cloud",
  clock: createTestClock(),
  errors,
  secrets: () => [new Secret("verysecret")],
});

function failing(thrownValue: unknown): () => Promise<never> {
  return async () => {
    throw thrownValue;
  };
}
const thrown = (fields: object): Error => Object.assign(new Error("It said no"), fields);
const read = { operation: "getLease" };
const write = { operation: "createLease", isWrite: true };

describe("a call through a vendor's SDK", () => {
  it("fails by the table, with code, request id and hint, wherever the SDK puts them", async ({
    expect,
  }) => {
    const aws = thrown({ name: "Full", $metadata: { httpStatusCode: 500, requestId: "r-1" } });
    const other = thrown({ code: "NoStock", statusCode: 403, requestId: "r-1" });
    for (const error of [aws, other]) {
      await expect(calls.request(write, failing(error), wait)).rejects.toMatchObject({
        failure: { kind: "no_capacity", scope: "offer", hint: "Try elsewhere.", requestId: "r-1" },
      });
    }
  });

  it("waits as long as it is told to", async ({ expect }) => {
    const error = thrown({ code: "Throttling.User", statusCode: 400, retryAfter: 1500 });
    await expect(calls.request(write, failing(error), wait)).rejects.toMatchObject({
      failure: { kind: "rate_limited", retryAfterMs: 2000, platformCode: "Throttling.User" },
    });
  });

  it("leaves a write open whose answer is unclear, and only then", async ({ expect }) => {
    const unclear = [
      thrown({ name: "Odd", $metadata: { httpStatusCode: 502 } }),
      Object.assign(new TypeError("fetch failed"), { cause: thrown({ code: "ECONNRESET" }) }),
      new SyntaxError("Unexpected end of JSON input"),
    ];
    for (const error of unclear) {
      const kind = "outcome_unknown";
      await expect(calls.request(write, failing(error), wait)).rejects.toMatchObject({
        failure: { kind },
      });
      await expect(calls.request(read, failing(error), wait)).rejects.not.toMatchObject({
        failure: { kind },
      });
    }
    const neverSent = Object.assign(new TypeError("fetch failed"), {
      cause: thrown({ code: "ECONNREFUSED" }),
    });
    await expect(calls.request(write, failing(neverSent), wait)).rejects.toMatchObject({
      failure: { kind: "unreachable" },
    });
    // The SDK itself has no keys: nothing was sent.
    await expect(
      calls.request(write, failing(thrown({ name: "NoKeys" })), wait),
    ).rejects.toMatchObject({
      failure: { kind: "unauthorized" },
    });
  });

  it("finds nothing where a row says so, and nowhere else", async ({ expect }) => {
    const gone = thrown({ name: "Gone", $metadata: { httpStatusCode: 400 } });
    expect(await calls.find(read, failing(gone), wait)).toBeUndefined();
    await expect(calls.request(read, failing(gone), wait)).rejects.toMatchObject({
      failure: { kind: "unsupported_request" },
    });
    const odd = thrown({ name: "NotFound", $metadata: { httpStatusCode: 404 } });
    await expect(calls.find(read, failing(odd), wait)).rejects.toMatchObject({
      failure: { platformCode: "NotFound" },
    });
  });

  it("shows no secret, and ends at its deadline and when it is cancelled", async ({ expect }) => {
    const error = thrown({
      name: "Full",
      message: "verysecret",
      $metadata: { httpStatusCode: 400 },
    });
    await expect(calls.request(read, failing(error), wait)).rejects.not.toThrow(/verysecret/);
    const clock = createTestClock();
    const slow = createSdkCalls({ platform: "cloud", clock, errors });
    const late = slow.request(write, () => new Promise(() => {}), wait);
    late.catch(() => {});
    await clock.advance(21_000);
    await expect(late).rejects.toMatchObject({ failure: { kind: "outcome_unknown" } });
    const aborted = { signal: AbortSignal.abort() };
    await expect(slow.request(write, () => Promise.resolve(1), aborted)).rejects.toMatchObject({
      failure: { kind: "aborted" },
    });
  });
});

it("takes an exact code before a pattern", ({ expect }) => {
  expect(matchError(errors, { code: "Throttling.Odd" })?.kind).toBe("unavailable");
  expect(matchError(errors, { code: "Throttling.Any" })?.kind).toBe("rate_limited");
});

it("finds a thing, makes it, or finds what another has made meanwhile", async ({ expect }) => {
  const isTaken = (error: unknown): boolean => error === "taken";
  const missing = async (): Promise<string | undefined> => undefined;
  const make = async (): Promise<string> => "made";
  expect(await findOrMake({ find: async () => "found", make, isTaken })).toBe("found");
  expect(await findOrMake({ find: missing, make, isTaken })).toBe("made");
  const answers = [undefined, "theirs"];
  const refused = { find: async () => answers.shift(), make: failing("taken"), isTaken };
  expect(await findOrMake(refused)).toBe("theirs");
  await expect(findOrMake({ find: missing, make: failing("other"), isTaken })).rejects.toBe(
    "other",
  );
  await expect(findOrMake({ find: missing, make: failing("taken"), isTaken })).rejects.toBe(
    "taken",
  );
});
