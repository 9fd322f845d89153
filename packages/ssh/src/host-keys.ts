import { PlatformError } from "@gpujob/spec";
import type { ServerHostKeyAlgorithm } from "ssh2";
import { fingerprintKey, readKeyType } from "./keys.ts";
import type { KnownHost } from "./known-hosts.ts";

/** A host key as it is remembered. */
export interface HostKeyPin {
  /** Such as `ssh-ed25519`. */
  readonly type: string;
  /** `SHA256:…` */
  readonly fingerprint: string;
}

/**
 * Host keys that we learned ourselves. Whoever gives this decides how long they count: for one lease and boot on rented
 * machines, for good on the user's own.
 */
export interface HostKeyPins {
  find(host: string, port: number): Promise<readonly HostKeyPin[]>;
  add(host: string, port: number, pin: HostKeyPin): Promise<void>;
}

/** A host that nobody knows yet, as the user is asked about it. */
export interface UnknownHostKey extends HostKeyPin {
  readonly host: string;
  readonly port: number;
}

/** What is known of a host's key before the first packet, and what to do where nothing is. */
export interface HostKeyRule {
  readonly host: string;
  readonly port: number;
  /** Told by the user or the platform; then nothing else counts. */
  readonly fingerprint?: string;
  readonly known: KnownHost;
  readonly pinned: readonly HostKeyPin[];
  readonly policy: "known" | "first-use" | "accept-new";
}

/** The answer about a key that a host has shown. `unknown` is for the policy to decide. */
export type HostKeyVerdict =
  | { readonly kind: "trusted" }
  | { readonly kind: "unknown"; readonly pin: HostKeyPin }
  /** Another key of this type, or only keys of other types, are known. */
  | { readonly kind: "changed"; readonly pin: HostKeyPin; readonly expected: readonly string[] }
  | { readonly kind: "revoked"; readonly pin: HostKeyPin };

/** Judges the key that a host has shown. Pure. */
export function judgeHostKey(rule: HostKeyRule, blob: Buffer): HostKeyVerdict {
  const pin = { type: readKeyType(blob), fingerprint: fingerprintKey(blob) };
  if (rule.known.revoked.includes(pin.fingerprint)) return { kind: "revoked", pin };
  const expected = expectedKeys(rule);
  if (expected.includes(pin.fingerprint)) return { kind: "trusted" };
  return expected.length === 0 ? { kind: "unknown", pin } : { kind: "changed", pin, expected };
}

function expectedKeys(rule: HostKeyRule): readonly string[] {
  if (rule.fingerprint !== undefined) return [normalizeFingerprint(rule.fingerprint)];
  return listPins(rule).map(({ fingerprint }) => fingerprint);
}

/** Pins and known_hosts; on first use of a rented address known_hosts says nothing, as it may speak of an older machine. */
function listPins(rule: HostKeyRule): readonly HostKeyPin[] {
  return rule.policy === "first-use" ? rule.pinned : [...rule.pinned, ...rule.known.keys];
}

function normalizeFingerprint(text: string): string {
  return `SHA256:${text
    .trim()
    .replace(/^SHA256:/i, "")
    .replace(/=+$/, "")}`;
}

/**
 * Algorithms for the key exchange, those of known keys first: a host shows only one of its keys, and it must be the one
 * that can be checked. `withoutTypes` are those already seen not to match.
 */
export function orderAlgorithms(
  rule: HostKeyRule,
  withoutTypes: readonly string[],
): readonly ServerHostKeyAlgorithm[] {
  const known = new Set(
    rule.fingerprint === undefined ? listPins(rule).map(({ type }) => type) : [],
  );
  const rest = keyTypes.filter(({ type }) => !withoutTypes.includes(type));
  const ordered = [
    ...rest.filter(({ type }) => known.has(type)),
    ...rest.filter(({ type }) => !known.has(type)),
  ];
  return ordered.flatMap(({ algorithms }) => algorithms);
}

/** Types of host keys, the best first, with the algorithms that sign with them. */
const keyTypes: readonly {
  readonly type: string;
  readonly algorithms: readonly ServerHostKeyAlgorithm[];
}[] = [
  { type: "ssh-ed25519", algorithms: ["ssh-ed25519"] },
  { type: "ecdsa-sha2-nistp256", algorithms: ["ecdsa-sha2-nistp256"] },
  { type: "ecdsa-sha2-nistp384", algorithms: ["ecdsa-sha2-nistp384"] },
  { type: "ecdsa-sha2-nistp521", algorithms: ["ecdsa-sha2-nistp521"] },
  { type: "ssh-rsa", algorithms: ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] },
];

/** Nothing vouches for this host, and nobody could be asked or the answer was no. */
export function hostKeyUnknown(rule: HostKeyRule, pin: HostKeyPin): PlatformError {
  const place = `${rule.host}:${rule.port}`;
  const why = rule.known.hasAuthority
    ? "known_hosts names only a certificate authority for it, which is not read here"
    : "it is in neither `hostKey` nor known_hosts";
  return refusal(
    `The host key of ${place} is unknown (${why}). It shows ${pin.type} ${pin.fingerprint}.`,
    "host-key-unknown",
    `Compare it with the machine's own \`ssh-keygen -lf /etc/ssh/ssh_host_${shortType(pin.type)}_key.pub\`, then set \`hostKey: "${pin.fingerprint}"\`, or connect once with ssh, or set \`hostKey: accept-new\`.`,
  );
}

/** The host shows another key than before: another machine, a new installation, or someone in between. Nothing was sent. */
export function hostKeyChanged(
  rule: HostKeyRule,
  pin: HostKeyPin,
  expected: readonly string[],
): PlatformError {
  const place = `${rule.host}:${rule.port}`;
  const remedy =
    rule.fingerprint === undefined
      ? `\`ssh-keygen -R "${rule.port === 22 ? rule.host : `[${rule.host}]:${rule.port}`}"\` and connect once with ssh`
      : `put the new fingerprint under \`hostKey\``;
  return refusal(
    `The host key of ${place} has CHANGED: expected ${expected.join(" or ")}, it shows ${pin.type} ${pin.fingerprint}. The address may now be another machine, or someone listens in between. Nothing was sent.`,
    "host-key-changed",
    `If you know that the machine was set up anew, ${remedy}. Otherwise do not connect.`,
  );
}

/** known_hosts says that this key must not be trusted any more. */
export function hostKeyRevoked(rule: HostKeyRule, pin: HostKeyPin): PlatformError {
  return refusal(
    `The host key of ${rule.host}:${rule.port} (${pin.fingerprint}) is marked @revoked in known_hosts. Nothing was sent.`,
    "host-key-revoked",
    "Give the machine a new host key, or remove the @revoked line if it is wrong.",
  );
}

function refusal(message: string, platformCode: string, hint: string): PlatformError {
  return new PlatformError("forbidden", message, {
    scope: "host",
    operation: "connect",
    platformCode,
    hint,
  });
}

function shortType(type: string): string {
  return type.replace(/^ssh-/, "").replace(/^ecdsa-.*/, "ecdsa");
}
