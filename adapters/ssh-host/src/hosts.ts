import type { AdapterContext, Failure, NodeAccess, SshAuth, SshTarget } from "@gpujob/spec";
import { withHost, type HostPlace } from "./api.ts";
import { findCards, type HostCards } from "./cards.ts";
import { hostName, type HostConfig } from "./config.ts";
import type { HostReport } from "./report.ts";

/** A configured host, ready to be asked. */
export interface Host {
  readonly name: string;
  readonly config: HostConfig;
}

/** What a host said of itself. */
export interface HostView {
  readonly host: Host;
  readonly report: HostReport;
  readonly cards: HostCards;
  /** Cards that a new lease may take, in order. */
  readonly free: readonly string[];
  /** It said nothing, and why. */
  readonly outOfReach?: Failure;
}

type Wait = { readonly signal: AbortSignal };

const defaultReservations = "/tmp/gpujob";

/** All hosts of a configuration. */
export function listHosts(configs: readonly HostConfig[]): readonly Host[] {
  return configs.map((config) => ({ name: hostName(config), config }));
}

/** How a host is reached; resolves its secrets afresh. */
async function readAccess(
  host: Host,
  context: AdapterContext,
): Promise<NodeAccess & { readonly kind: "ssh" }> {
  const { config } = host;
  const hostKey = config.hostKey;
  const jumps = config.jump?.map((target) => ({
    ...toPlace(target),
    auth: { kind: "default" } as const,
  }));
  return {
    kind: "ssh",
    ...toPlace(config.ssh),
    auth: await readAuth(config, context),
    ...(hostKey === undefined || hostKey === "accept-new" ? {} : { hostKey }),
    hostKeyPolicy: hostKey === "accept-new" ? "accept-new" : "known",
    ...(jumps === undefined ? {} : { jumps }),
  };
}

/** The transport looks the target up in the user's SSH configuration; the rest is for messages. */
function toPlace(target: SshTarget): {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly target: SshTarget;
} {
  return { host: target.host, port: target.port ?? 22, user: target.user ?? "default", target };
}

async function readAuth(
  { key, passphrase, password, agent }: HostConfig,
  context: AdapterContext,
): Promise<SshAuth> {
  if (password !== undefined)
    return { kind: "password", password: await context.resolveSecret(password) };
  if (agent === true) return { kind: "agent" };
  if (key === undefined) return { kind: "default" };
  return {
    kind: "key-file",
    path: key,
    ...(passphrase === undefined ? {} : { passphrase: await context.resolveSecret(passphrase) }),
  };
}

/** Where a host's script works. */
export async function placeOf(host: Host, context: AdapterContext): Promise<HostPlace> {
  const { root, reservations } = host.config;
  return {
    name: host.name,
    access: await readAccess(host, context),
    reservations: reservations ?? defaultReservations,
    ...(root === undefined ? {} : { root }),
  };
}

/** Connects to a host and reads its state. */
export async function viewHost(host: Host, context: AdapterContext, wait: Wait): Promise<HostView> {
  const place = await placeOf(host, context);
  return toView(host, await withHost(context, place, wait, (api) => api.readState(wait)));
}

/** What follows from a host's answer. */
export function toView(host: Host, report: HostReport): HostView {
  const cards = findCards(report, host.config.gpu, host.config.interconnect);
  const allowed = host.config.cards?.map(String);
  const usable = {
    ...cards,
    cards: cards.cards.filter((card) => card === "host" || (allowed?.includes(card) ?? true)),
  };
  const taken = new Set([...report.claims.map(({ card }) => card), ...cards.busy]);
  return { host, report, cards: usable, free: usable.cards.filter((card) => !taken.has(card)) };
}
