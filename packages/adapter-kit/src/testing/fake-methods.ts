import type { Capabilities, LeaseRequest, Platform, ReleaseProgress } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { abortedError, isAborted, throwIfAborted } from "../abort.ts";
import { createOnce, outcomeUnknown } from "../create-once.ts";
import { isSameMember } from "../ownership.ts";
import { createFakeExtras } from "./fake-extras.ts";
import { fakeError } from "./fake-error.ts";
import type { CallFault, FaultTarget } from "./fake-faults.ts";
import type { FakeMachine } from "./fake-machine.ts";
import { endMachine, hasEnded, machineState } from "./fake-machine.ts";
import type { FakeMarket } from "./fake-market.ts";
import type { FakePlatformOptions } from "./fake-platform.ts";

/** One call as the fake sees it: who asks what, and about what. */
export interface FakeOperation {
  readonly on: FaultTarget;
  readonly operation: string;
  readonly subject: string;
  readonly offerId?: string;
  readonly signal: AbortSignal;
}

/** Runs the effect of a call with its scripted faults around it. */
export type FakeAnswer = <T>(
  call: FakeOperation,
  effect: (faults: readonly CallFault[]) => T | Promise<T>,
) => Promise<T>;

export function createFakeMethods(
  options: FakePlatformOptions,
  capabilities: Capabilities,
  market: FakeMarket,
  name: string,
): Platform {
  const answer = createAnswer(options, market, name);

  function list(installation: string): readonly FakeMachine[] {
    return market
      .machines()
      .filter((machine) => market.nowMs() >= machine.visibleAtMs)
      .filter((machine) => !hasEnded(machine, market.nowMs()))
      .filter(
        (machine) =>
          !machine.areTagsReadable || machine.request.ownership.installation === installation,
      );
  }

  function byToken(leaseKey: string): FakeMachine | undefined {
    if (capabilities.idempotency !== "token") return undefined;
    return market.machines().find((machine) => machine.request.leaseKey === leaseKey);
  }

  function create(request: LeaseRequest, signal: AbortSignal): Promise<FakeMachine> {
    const call = {
      on: "create" as const,
      operation: "createLease",
      subject: request.leaseKey,
      offerId: request.offer.offerId,
      signal,
    };
    return answer(call, (faults) => {
      if (request.nodes > 1 && capabilities.multiNode !== "native") {
        throw fakeError(name, "createLease", "unsupported_request");
      }
      return byToken(request.leaseKey) ?? market.rent(request, faults);
    });
  }

  function createByName(request: LeaseRequest, signal: AbortSignal): Promise<FakeMachine> {
    const find = async () =>
      list(request.ownership.installation).find(
        (machine) =>
          machine.areTagsReadable && isSameMember(machine.request.ownership, request.ownership),
      );
    const once = { platform: name, name: request.leaseKey, find };
    return createOnce({ ...once, create: () => create(request, signal) }, { signal });
  }

  return {
    listOffers: (_query, { signal }) =>
      answer({ on: "offers", operation: "listOffers", subject: "", signal }, () => market.offers()),
    async createLease(request, { signal }) {
      const isByName = capabilities.idempotency === "name";
      const machine = await (isByName ? createByName(request, signal) : create(request, signal));
      return market.toLease(machine);
    },
    getLease: (leaseId, { signal }) =>
      answer({ on: "get", operation: "getLease", subject: leaseId, signal }, () => {
        const machine = market.visible(leaseId);
        return machine === undefined ? undefined : market.toLease(machine);
      }),
    listLeases: ({ installation }, { signal }) =>
      answer({ on: "list", operation: "listLeases", subject: installation, signal }, () =>
        list(installation).map((machine) => market.toLease(machine)),
      ),
    releaseLease: (leaseId, { signal }) =>
      answer({ on: "release", operation: "releaseLease", subject: leaseId, signal }, (faults) =>
        release(market, market.visible(leaseId), faults, options.releaseMs ?? 0),
      ),
    classify: classifyFake,
    ...createFakeExtras(options, capabilities, market, answer),
  };
}

function createAnswer(options: FakePlatformOptions, market: FakeMarket, name: string): FakeAnswer {
  return async (call, effect) => {
    const { on, operation, subject, offerId, signal } = call;
    const place = { platform: name, operation };
    throwIfAborted(signal, place);
    const faults = market.strike(on, subject, offerId);
    try {
      for (const fault of faults) {
        if (fault.do === "delay") await options.clock.sleep(fault.byMs, { signal });
        if (fault.do === "hang") await untilAborted(signal);
      }
    } catch (error) {
      throw signal.aborted ? abortedError(place, error) : error;
    }
    for (const fault of faults) {
      if (fault.do === "error") throw fakeError(name, operation, fault.kind, fault);
    }
    const result = await effect(faults);
    if (faults.some((fault) => fault.do === "lose-reply")) {
      throw outcomeUnknown({ ...place, name: subject, cause: new Error("The reply was lost.") });
    }
    return result;
  };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function release(
  market: FakeMarket,
  machine: FakeMachine | undefined,
  faults: readonly CallFault[],
  usualMs: number,
): ReleaseProgress {
  const now = market.nowMs();
  if (machine === undefined || hasEnded(machine, now)) return { state: "released" };
  if (faults.some((fault) => fault.do === "ignore")) return { state: "releasing" };
  const lingerMs = faults.reduce((ms, fault) => (fault.do === "linger" ? fault.byMs : ms), usualMs);
  if (machineState(machine, now) !== "releasing") {
    machine.releaseAskedAtMs = now;
    endMachine(machine, now + lingerMs, "released");
  }
  if (hasEnded(machine, now)) return { state: "released" };
  return { state: "releasing", againAfterMs: Math.max(1, machine.endsAtMs - now) };
}

function classifyFake(error: unknown): ReturnType<Platform["classify"]> {
  if (PlatformError.is(error)) {
    const { kind, scope, retryAfterMs } = error.failure;
    return { kind, scope, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
  return { kind: isAborted(error) ? "aborted" : "contract_violation", scope: "call" };
}
