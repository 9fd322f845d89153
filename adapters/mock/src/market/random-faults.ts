import type { CallName, Fault } from "./terms.ts";

/** Everything that may go wrong by chance in one kind of call, each as likely as the others. */
const ofCalls: Readonly<Record<CallName, readonly Fault[]>> = {
  offers: [
    {
      on: "offers",
      do: "status",
      status: 502,
      body: "html",
      retryAfterAs: "seconds",
      isDone: true,
    },
    { on: "offers", do: "break" },
    { on: "offers", do: "delay", byMs: 1000 },
  ],
  create: [
    { on: "create", do: "error", kind: "no_capacity" },
    {
      on: "create",
      do: "status",
      status: 503,
      body: "empty",
      retryAfterAs: "seconds",
      isDone: false,
    },
    {
      on: "create",
      do: "status",
      status: 502,
      body: "html",
      retryAfterAs: "seconds",
      isDone: true,
    },
    { on: "create", do: "lose-reply" },
    { on: "create", do: "junk", as: "cut" },
    { on: "create", do: "break" },
    { on: "create", do: "late", byMs: 3000 },
    { on: "create", do: "twice" },
    { on: "create", do: "lose-tag" },
    { on: "create", do: "delay", byMs: 1000 },
  ],
  get: [
    { on: "get", do: "status", status: 502, body: "html", retryAfterAs: "seconds", isDone: true },
    {
      on: "get",
      do: "status",
      status: 429,
      body: "json",
      retryAfterMs: 1000,
      retryAfterAs: "seconds",
      isDone: false,
    },
    { on: "get", do: "junk", as: "html" },
    { on: "get", do: "junk", as: "empty" },
    { on: "get", do: "junk", as: "wrong-type" },
    { on: "get", do: "junk", as: "refusal" },
    { on: "get", do: "break" },
    { on: "get", do: "stale", byMs: 2000 },
    { on: "get", do: "delay", byMs: 500 },
  ],
  list: [
    { on: "list", do: "lag", byMs: 3000 },
    { on: "list", do: "stale", byMs: 3000 },
    { on: "list", do: "twice" },
    { on: "list", do: "junk", as: "cut" },
    { on: "list", do: "status", status: 500, body: "empty", retryAfterAs: "seconds", isDone: true },
  ],
  release: [
    { on: "release", do: "ignore" },
    { on: "release", do: "lose-reply" },
    { on: "release", do: "absent" },
    { on: "release", do: "leave-disk" },
    { on: "release", do: "twice" },
    { on: "release", do: "break" },
    {
      on: "release",
      do: "status",
      status: 503,
      body: "html",
      retryAfterAs: "seconds",
      isDone: false,
    },
    {
      on: "release",
      do: "status",
      status: 429,
      body: "json",
      retryAfterMs: 1000,
      retryAfterAs: "date",
      isDone: false,
    },
  ],
  extend: [
    { on: "extend", do: "ignore" },
    { on: "extend", do: "lose-reply" },
    {
      on: "extend",
      do: "status",
      status: 503,
      body: "json",
      retryAfterAs: "seconds",
      isDone: false,
    },
  ],
};

const ofLeases: readonly Fault[] = [
  { on: "lease", do: "interrupt", afterMs: 500, noticeMs: 2000 },
  { on: "lease", do: "die", afterMs: 500 },
  { on: "lease", do: "vanish", afterMs: 200, byMs: 2000 },
  { on: "lease", do: "delay", byMs: 1000 },
];

/**
 * Faults of all kinds, so that of each kind of call about the share `rate` meets one, and of the machines about `leases`.
 * No platform that says of a living machine that there is none, again and again, can be survived: that is not among them.
 */
export function randomFaults(
  wanted: number | { readonly rate: number; readonly leases: number } | undefined,
): readonly Fault[] {
  if (wanted === undefined) return [];
  const { rate, leases } = typeof wanted === "number" ? { rate: wanted, leases: wanted } : wanted;
  return [
    ...Object.values(ofCalls).flatMap((faults) => share(faults, rate)),
    ...(leases === 0 ? [] : share(ofLeases, leases)),
  ];
}

function share(faults: readonly Fault[], rate: number): readonly Fault[] {
  return faults.map((fault) => ({ ...fault, rate: rate / faults.length }));
}
