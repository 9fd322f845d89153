import type { PlatformErrorKind } from "@gpujob/spec";
import { MarketError } from "./market-api.ts";
import type { CallName, SpoiledAnswerFault } from "./terms.ts";

/**
 * An answer that does not arrive as it was given. A server plays it on the wire; where there is no wire it is the error
 * that a caller would make of it.
 */
export class SpoiledAnswer extends MarketError {
  readonly fault: SpoiledAnswerFault;
  /** What was answered; `undefined` also where the call had no effect. */
  readonly result: unknown;

  constructor(call: CallName, fault: SpoiledAnswerFault, result: unknown) {
    const retryAfterMs = fault.do === "status" ? fault.retryAfterMs : undefined;
    super(kindOf(call, fault), `the answer to ${call} ${whatHappened(fault)}`, retryAfterMs);
    this.name = "SpoiledAnswer";
    this.fault = fault;
    this.result = result;
  }
}

function kindOf(call: CallName, fault: SpoiledAnswerFault): PlatformErrorKind {
  if (fault.do === "status" && fault.status === 429) return "rate_limited";
  if (fault.do === "status" && fault.status < 500) return "unsupported_request";
  if (fault.do === "junk" && fault.as === "refusal") return "unavailable";
  if (fault.do === "lose-reply" || call === "create") return "outcome_unknown";
  return fault.do === "status" ? "unavailable" : "contract_violation";
}

function whatHappened(fault: SpoiledAnswerFault): string {
  switch (fault.do) {
    case "lose-reply":
      return "did not arrive";
    case "status":
      return `had the status ${fault.status}`;
    case "junk":
      return `was junk (${fault.as})`;
    case "break":
      return "broke off";
    case "trickle":
      return "came byte by byte";
  }
}
