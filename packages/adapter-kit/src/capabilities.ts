import type { Capabilities, Platform } from "@gpujob/spec";
import type { CapabilitiesInput } from "./define-adapter.ts";

/** What holds for a platform that does not say otherwise: always the answer that risks least money. */
export const capabilityDefaults = {
  rents: true,
  powerOff: "none",
  idempotency: "none",
  autoRelease: false,
  // No list is trusted sooner than this after a create whose answer was unclear.
  visibilityWindowMs: 180_000,
  offersFreshMs: 0,
  multiNode: "none",
  tagging: "none",
  image: false,
  docker: false,
  channel: false,
  interruptionNotice: false,
  capacityCheck: false,
  balance: false,
  charges: false,
} as const satisfies Omit<Capabilities, "release" | "markets">;

/** The optional methods of a platform, each with the capability that announces it. */
export const optionalMethods = {
  extendLease: "autoRelease",
  openChannel: "channel",
  watchInterruption: "interruptionNotice",
  checkCapacity: "capacityCheck",
  getBalance: "balance",
  readCharges: "charges",
} as const satisfies Partial<Record<keyof Platform, keyof Capabilities>>;

const choices: Partial<Record<keyof Capabilities, readonly string[]>> = {
  release: ["api", "owned", "by-hand"],
  powerOff: ["stops", "ends", "none"],
  idempotency: ["token", "name", "none"],
  multiNode: ["none", "gang", "native"],
  tagging: ["tags", "name", "none"],
};

/** Adds the documented default of every capability that was left out. */
export function withDefaults(input: CapabilitiesInput): Capabilities {
  return { ...capabilityDefaults, ...input };
}

/** What is wrong with a set of capabilities: unknown names, wrong values, and claims that contradict each other. */
export function capabilityProblems(capabilities: Capabilities): string[] {
  return [...valueProblems(capabilities), ...contradictions(capabilities)];
}

function valueProblems(capabilities: Capabilities): string[] {
  const known = new Set(["release", "markets", ...Object.keys(capabilityDefaults)]);
  const problems: string[] = [];
  for (const name of Object.keys(capabilities)) {
    if (!known.has(name)) problems.push(`capability "${name}" is not known`);
  }
  for (const [name, allowed] of Object.entries(choices)) {
    const value: unknown = Reflect.get(capabilities, name);
    if (!allowed.some((choice) => choice === value)) {
      problems.push(`capability "${name}" must be one of ${allowed.join(", ")}`);
    }
  }
  for (const [name, usual] of Object.entries(capabilityDefaults)) {
    if (typeof usual === "boolean" && typeof Reflect.get(capabilities, name) !== "boolean") {
      problems.push(`capability "${name}" must be true or false`);
    }
  }
  for (const name of ["visibilityWindowMs", "offersFreshMs"] as const) {
    const length = capabilities[name];
    if (length === undefined || !Number.isSafeInteger(length) || length < 0) {
      problems.push(`${name} must be a whole number of milliseconds, 0 or more`);
    }
  }
  return [...problems, ...marketProblems(capabilities.markets)];
}

function marketProblems(markets: readonly string[]): string[] {
  const isGood =
    Array.isArray(markets) &&
    markets.length > 0 &&
    markets.every((market) => market === "on-demand" || market === "spot") &&
    new Set(markets).size === markets.length;
  return isGood ? [] : ["markets must name on-demand, spot or both, each once"];
}

function contradictions(capabilities: Capabilities): string[] {
  const problems: string[] = [];
  // We never power off a machine that somebody else may be using.
  if (capabilities.release === "owned" && capabilities.powerOff !== "none") {
    problems.push('powerOff must be "none" where release is "owned"');
  }
  if (capabilities.idempotency === "name" && capabilities.tagging === "none") {
    problems.push('idempotency "name" needs tagging "name" or "tags"');
  }
  return problems;
}

/** Optional methods that are there without their capability, or missing with it. */
export function methodProblems(capabilities: Capabilities, platform: Platform): string[] {
  const problems: string[] = [];
  for (const [method, capability] of Object.entries(optionalMethods)) {
    const isThere = typeof Reflect.get(platform, method) === "function";
    if (isThere && !capabilities[capability]) {
      problems.push(`${method} is there, but the capability "${capability}" is false`);
    }
    if (!isThere && capabilities[capability]) {
      problems.push(`the capability "${capability}" is true, but ${method} is missing`);
    }
  }
  return problems;
}
