import { deepEqual, equal, ok } from "node:assert/strict";
import type { FailureScope, Platform, PlatformErrorKind } from "@gpujob/spec";
import { PlatformError, platformErrorKinds } from "@gpujob/spec";
import type { FaultTarget } from "../testing/fake-faults.ts";
import type { ConformanceCheck } from "./check.ts";
import { whereHelper } from "./check.ts";
import type { ConformanceContext } from "./context.ts";
import { failureOf } from "./context.ts";
import { checkPlain } from "./values.ts";

const group = "errors";

const scopes: readonly FailureScope[] = [
  "call",
  "offer",
  "zone",
  "region",
  "account",
  "platform",
  "host",
];

const strangeErrors: readonly unknown[] = [
  undefined,
  null,
  "text",
  42,
  {},
  [],
  new Error("plain"),
  new TypeError("fetch failed"),
  Object.assign(new Error("reset"), { code: "ECONNRESET" }),
  { code: "NoSuchCode", message: "something" },
];

function checkClassification(platform: Platform, error: unknown): void {
  const { kind, scope } = platform.classify(error);
  const what = error instanceof Error ? error.message : JSON.stringify(error);
  ok(platformErrorKinds.includes(kind), `${what} became the unknown kind ${kind}`);
  ok(scopes.includes(scope), `${what} became the unknown scope ${scope}`);
}

/** A call of each kind that must fail now, as a read or write without consequences. */
function readCall(context: ConformanceContext, on: FaultTarget): Promise<unknown> {
  const { platform, wait } = context;
  if (on === "get") return platform.getLease(context.unknownLeaseId, wait);
  if (on === "list") return context.listLeases();
  return platform.listOffers(context.setup.offerQuery ?? {}, wait);
}

function failsWith(on: "offers" | "get" | "list", kind: PlatformErrorKind): ConformanceCheck {
  const methods = { offers: "listOffers", get: "getLease", list: "listLeases" };
  return {
    group,
    name: `throws ${kind} from ${methods[on]} when the platform says so`,
    needs: [whereHelper("failNext")],
    async run(context) {
      await context.setup.failNext?.(on, kind);
      const failure = await failureOf(readCall(context, on));
      equal(failure.kind, kind);
    },
  };
}

export const errorChecks: readonly ConformanceCheck[] = [
  {
    group,
    name: "classifies its own errors as they say themselves",
    run({ platform }) {
      for (const kind of platformErrorKinds) {
        const error = new PlatformError(kind, "text", { scope: "zone", retryAfterMs: 1500 });
        const answer = platform.classify(error);
        deepEqual({ ...answer }, { kind, scope: "zone", retryAfterMs: 1500 });
      }
    },
  },
  {
    group,
    name: "classifies whatever is thrown at it, without throwing",
    run({ platform }) {
      for (const error of strangeErrors) checkClassification(platform, error);
    },
  },
  {
    group,
    name: "classifies the same error twice alike",
    run({ platform }) {
      for (const error of strangeErrors) {
        deepEqual(platform.classify(error), platform.classify(error));
      }
    },
  },
  {
    group,
    name: "classifies an aborted wait as aborted",
    run({ platform }) {
      equal(platform.classify(new DOMException("stopped", "AbortError")).kind, "aborted");
    },
  },
  failsWith("offers", "unavailable"),
  failsWith("offers", "unauthorized"),
  failsWith("get", "unavailable"),
  failsWith("list", "unavailable"),
  failsWith("list", "rate_limited"),
  {
    group,
    name: "throws no_capacity from createLease when the platform says so",
    needs: [whereHelper("failNext")],
    async run(context) {
      const request = await context.newRequest();
      context.remember(request);
      await context.setup.failNext?.("create", "no_capacity");
      const failure = await failureOf(context.platform.createLease(request, context.wait));
      equal(failure.kind, "no_capacity");
    },
  },
  {
    group,
    name: "throws errors that name the platform, are plain data and hold no secret",
    needs: [whereHelper("failNext")],
    async run(context) {
      const name = (await context.pickOffer()).platform;
      await context.setup.failNext?.("list", "unauthorized");
      const failure = await failureOf(context.listLeases());
      checkPlain(failure, "failure");
      ok(failure.message.includes(name), `the message does not name ${name}: ${failure.message}`);
      for (const secret of context.setup.secrets ?? []) {
        ok(!JSON.stringify(failure).includes(secret), "the failure holds a secret");
      }
    },
  },
];
