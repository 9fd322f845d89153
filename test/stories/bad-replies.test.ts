import { readdirSync, readFileSync } from "node:fs";
import { decideAfterFailure } from "@gpujob/scheduler";
import type { FailoverDecision, FailureSituation } from "@gpujob/scheduler";
import type { Failure } from "@gpujob/spec";
import { describe, it } from "vitest";

/** A bad reply as the adapters' own tests have it, with the error that they make of it. */
interface BadReply extends Pick<Failure, "kind" | "scope"> {
  readonly adapter: string;
  readonly file: string;
  readonly call: string;
}

const adapters = new URL("../../adapters/", import.meta.url);
const replies = ["autodl", "compshare"].flatMap((adapter) => {
  const folder = new URL(`${adapter}/fixtures/replies/`, adapters);
  return readdirSync(folder).map((file): BadReply => {
    // Written by us, and checked by the tests that read it first.
    const reply: Omit<BadReply, "adapter" | "file"> = JSON.parse(
      readFileSync(new URL(file, folder), "utf8"),
    );
    return { ...reply, adapter, file };
  });
});

const offer = { platform: "cloud", region: "a", offerId: "a/1" };

function decide(
  { kind, scope, call }: BadReply,
  over: Partial<FailureSituation> = {},
): FailoverDecision {
  return decideAfterFailure(
    {
      kind,
      message: "It answered strangely.",
      platform: "cloud",
      operation: call,
      ...(scope === undefined ? {} : { scope }),
    },
    {
      job: { retry: { interruptions: 5, failures: 0, rules: [] } },
      nowMs: 0,
      offer,
      calls: 0,
      interruptions: 0,
      failures: 0,
      isJobStarted: false,
      mayHoldLease: false,
      ...over,
    },
  );
}

const refused = new Set(["no_capacity", "insufficient_funds", "unsupported_request"]);

describe("a bad reply", () => {
  it.for(replies.filter(({ call }) => call === "createLease"))(
    "to a create leads on only where nothing was made: $adapter $file",
    (reply, { expect }) => {
      const decision = decide(reply);
      if (!refused.has(reply.kind)) {
        expect(decision.action).toBe("block-until-known");
        return;
      }
      const where = reply.scope === "offer" ? { offerId: "a/1" } : {};
      expect(decision).toMatchObject({
        action: "next-offer",
        exclusion: { platform: "cloud", ...where },
      });
    },
  );

  it.for(replies.filter(({ call }) => call === "listLeases" || call === "getLease"))(
    "about a machine is never taken for its end: $adapter $file",
    (reply, { expect }) => {
      for (const calls of [0, 100]) {
        const { action } = decide(reply, { calls, mayHoldLease: true });
        // An account that may not use the platform any more is left, with proof that its machine has ended.
        const mayLeave = reply.kind === "not_verified" ? ["next-offer"] : [];
        expect(["retry-call", "wait-for-credentials", ...mayLeave]).toContain(action);
      }
    },
  );

  it.for(replies.filter(({ call }) => call === "listOffers"))(
    "to a question for offers costs that platform at most: $adapter $file",
    (reply, { expect }) => {
      const { action } = decide(reply, { calls: 100 });
      expect(["next-offer", "retry-call"]).toContain(action);
    },
  );
});
