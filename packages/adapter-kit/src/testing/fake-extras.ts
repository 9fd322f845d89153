import type { Capabilities, Platform } from "@gpujob/spec";
import { fakeError } from "./fake-error.ts";
import { hasEnded, isoTime } from "./fake-machine.ts";
import type { FakeMarket } from "./fake-market.ts";
import type { FakeAnswer } from "./fake-methods.ts";
import type { FakePlatformOptions } from "./fake-platform.ts";

/** The optional methods of the fake platform, each there only with its capability. */
export function createFakeExtras(
  options: FakePlatformOptions,
  capabilities: Capabilities,
  market: FakeMarket,
  answer: FakeAnswer,
): Partial<Platform> {
  const all = allExtras(options, market, answer);
  const { openChannel } = options;
  return {
    ...(capabilities.autoRelease ? { extendLease: all.extendLease } : {}),
    ...(capabilities.interruptionNotice ? { watchInterruption: all.watchInterruption } : {}),
    ...(capabilities.capacityCheck ? { checkCapacity: all.checkCapacity } : {}),
    ...(capabilities.balance ? { getBalance: all.getBalance } : {}),
    ...(capabilities.charges ? { readCharges: all.readCharges } : {}),
    ...(openChannel === undefined ? {} : { openChannel: (node) => openChannel(node) }),
  };
}

type Extras = Required<
  Pick<
    Platform,
    "extendLease" | "watchInterruption" | "checkCapacity" | "getBalance" | "readCharges"
  >
>;

function allExtras(options: FakePlatformOptions, market: FakeMarket, answer: FakeAnswer): Extras {
  const name = options.name ?? "fake";
  return {
    extendLease: (leaseId, until, { signal }) =>
      answer({ on: "extend", operation: "extendLease", subject: leaseId, signal }, () => {
        const machine = market.visible(leaseId);
        if (machine === undefined || hasEnded(machine, market.nowMs())) {
          throw fakeError(name, "extendLease", "unsupported_request");
        }
        machine.timerAtMs = Date.parse(until);
      }),
    watchInterruption: (leaseId, { signal }) =>
      answer(
        { on: "interruption", operation: "watchInterruption", subject: leaseId, signal },
        () => {
          const machine = market.visible(leaseId);
          if (machine === undefined || market.nowMs() < machine.noticeAtMs) return undefined;
          return { endsAt: isoTime(machine.endsAtMs), reason: machine.endReason };
        },
      ),
    checkCapacity: (offer, { signal }) =>
      answer(
        { on: "capacity", operation: "checkCapacity", subject: offer.offerId, signal },
        () => market.offers().find((one) => one.offerId === offer.offerId)?.availability ?? "none",
      ),
    getBalance: ({ signal }) =>
      answer(
        { on: "balance", operation: "getBalance", subject: "", signal },
        () => options.balance ?? { currency: "CNY", micros: 100_000_000 },
      ),
    readCharges: (leaseId, { signal }) =>
      answer({ on: "charges", operation: "readCharges", subject: leaseId, signal }, () =>
        market
          .bills()
          .filter((bill) => bill.leaseId === leaseId)
          .map((bill) => ({
            from: bill.startedAt,
            to: bill.endedAt ?? isoTime(market.nowMs()),
            amount: bill.amount,
            kind: "compute" as const,
          })),
      ),
  };
}
