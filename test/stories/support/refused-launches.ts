import type { ErrorFixture } from "@gpujob/adapter-kit/testing";
import { decideAfterFailure } from "@gpujob/scheduler";
import type { FailoverDecision } from "@gpujob/scheduler";
import type { AdapterContext, Failure, LeaseRequest, Offer, Platform } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { describe, it } from "vitest";

/** What is done, and what is avoided for how long. */
export type Decision = readonly [action: string, avoids?: string, forMs?: number];

/** A cloud's emulator with the adapter on it, as far as these stories go. */
interface Cloud {
  readonly platform: Platform;
  readonly another: (config: object, context: Partial<AdapterContext>) => Platform;
  readonly findOffer: (offerId: string) => Promise<Offer>;
  readonly request: (offer: Offer) => LeaseRequest;
  readonly emulator: { readonly market: { readonly bills: () => readonly unknown[] } };
}

export interface RefusedLaunches<Of extends Cloud> {
  /** Goes on after "a launch that". */
  readonly title: string;
  readonly fixtures: readonly ErrorFixture[];
  /** By the group of an error. */
  readonly decisions: Readonly<Record<string, Decision>>;
  /** Groups that are said of other calls than the launch: the adapter's own tests show what follows. */
  readonly elsewhere: ReadonlySet<string>;
  readonly offerId: string;
  readonly start: () => Promise<Of>;
  /** Has the emulator refuse the next launch so. */
  readonly refuseNext: (
    cloud: Of,
    error: { readonly code: string; readonly status: number; readonly message: string },
  ) => void;
}

/** Each documented error of a launch leads to the decision that the facts name. */
export function describeRefusedLaunches<Of extends Cloud>(told: RefusedLaunches<Of>): void {
  const { decisions, elsewhere } = told;
  describe(`a launch that ${told.title}`, () => {
    it.for(told.fixtures.filter(({ meaning }) => !elsewhere.has(meaning)))(
      "leads to the decision for $meaning ($code)",
      async (fixture, { expect }) => {
        const { code, message, meaning } = fixture;
        const cloud = await told.start();
        const offer = await cloud.findOffer(told.offerId);
        const { failure, text } = await launch(told, cloud, fixture, offer);
        expect(failure.platformCode).toBe(code);
        expect(text).toContain(message.slice(0, 20));
        const decision = decide(failure, offer);
        const [action, avoids, forMs] = decisions[meaning] ?? [];
        expect(decision.action).toBe(action);
        const exclusion = "exclusion" in decision ? decision.exclusion : undefined;
        expect({ scope: exclusion?.scope, untilMs: exclusion?.untilMs }).toEqual({
          scope: avoids,
          untilMs: forMs,
        });
        expect(cloud.emulator.market.bills()).toEqual([]);
      },
    );

    it("has a decision for each group of errors, and no group that no error is of", ({
      expect,
    }) => {
      const groups = new Set(told.fixtures.map(({ meaning }) => meaning));
      const known = new Set([...Object.keys(decisions), ...elsewhere]);
      expect([...known].toSorted()).toEqual([...groups].toSorted());
    });
  });
}

/** Launches, and gives what it throws. Without a status the SDK says so before anything is sent. */
async function launch<Of extends Cloud>(
  { refuseNext }: RefusedLaunches<Of>,
  cloud: Of,
  { code, status, message }: ErrorFixture,
  offer: Offer,
): Promise<{ readonly failure: Failure; readonly text: string }> {
  const early = Object.assign(new Error(message), { name: code });
  const platform =
    status === null
      ? cloud.another({}, { resolveSecret: () => Promise.reject(early) })
      : cloud.platform;
  // Twice, because what vanished is looked for once more.
  for (const _ of [1, 2]) refuseNext(cloud, { code, status: status ?? 400, message });
  const { signal } = new AbortController();
  const error: unknown = await platform.createLease(cloud.request(offer), { signal }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!PlatformError.is(error)) throw new Error(`It threw ${String(error)}.`);
  return { failure: error.failure, text: error.message };
}

function decide(failure: Failure, offer: Offer): FailoverDecision {
  return decideAfterFailure(failure, {
    job: { retry: { interruptions: 5, failures: 0, rules: [] } },
    nowMs: 0,
    offer,
    calls: 0,
    interruptions: 0,
    failures: 0,
    isJobStarted: false,
    mayHoldLease: false,
  });
}
