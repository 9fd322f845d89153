import type { NodeAccess, SshAuth, SshJump, SshTarget } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { listAuthSteps, type AuthSources } from "./auth.ts";
import type { Hop } from "./handshake.ts";
import type { HostKeyPins, HostKeyRule } from "./host-keys.ts";
import { findKnownHost, parseKnownHosts } from "./known-hosts.ts";
import type { ResolvedTarget } from "./target.ts";
import { resolveSshTarget } from "./target.ts";

/** The SSH kind of a node's access. */
export type SshAccess = NodeAccess & { readonly kind: "ssh" };

/** What routes are planned from. */
export interface RouteSources extends AuthSources {
  readonly pins: HostKeyPins;
}

const mostHops = 8;

/**
 * Every machine on the way, the last one being the destination. Reads the user's SSH configuration (only for addresses the
 * user wrote), known_hosts, pins and key files; contacts nobody.
 */
export async function planRoute(
  access: SshAccess,
  sources: RouteSources,
): Promise<readonly [...Hop[], Hop]> {
  const place = await resolve(access, sources);
  const jumps =
    access.jumps === undefined
      ? await configuredJumps(place.jumps, sources, mostHops)
      : await Promise.all(access.jumps.map((jump) => givenJump(jump, sources)));
  const destination = await planHop(place, access.auth, access, sources);
  return access.mayInstallKey === true && access.auth.kind === "password"
    ? [...jumps, await withOurKeyFirst(destination, sources)]
    : [...jumps, destination];
}

/** Rented machines are taken as they are: the user's SSH configuration speaks of other things. */
async function resolve(place: SshAccess | SshJump, sources: RouteSources): Promise<ResolvedTarget> {
  if (place.target !== undefined) return resolveSshTarget(place.target, sources);
  const { host, port, user } = place;
  return { host, port, user, identityFiles: [], jumps: [] };
}

async function givenJump(jump: SshJump, sources: RouteSources): Promise<Hop> {
  return planHop(await resolve(jump, sources), jump.auth, jump, sources);
}

/** Hops of `ProxyJump`, each looked up in the configuration in its turn. */
async function configuredJumps(
  targets: readonly SshTarget[],
  sources: RouteSources,
  room: number,
): Promise<readonly Hop[]> {
  const hops: Hop[] = [];
  for (const target of targets) {
    if (room <= 0)
      throw new GpujobError(
        "config_invalid",
        `The ProxyJump chain to ${target.host} in ~/.ssh/config is too long or turns in a circle.`,
      );
    const place = await resolveSshTarget(target, sources);
    if (hops.length === 0) hops.push(...(await configuredJumps(place.jumps, sources, room - 1)));
    hops.push(await planHop(place, { kind: "default" }, {}, sources));
  }
  return hops;
}

interface Trust {
  readonly hostKey?: string;
  readonly hostKeyPolicy?: HostKeyRule["policy"];
}

async function planHop(
  place: ResolvedTarget,
  auth: SshAuth,
  trust: Trust,
  sources: RouteSources,
): Promise<Hop> {
  const { host, port, user } = place;
  const [steps, rule] = await Promise.all([
    listAuthSteps(auth, user, place.identityFiles, sources),
    readRule(place, trust, sources),
  ]);
  return { host, port, user, steps, rule };
}

async function readRule(
  place: ResolvedTarget,
  trust: Trust,
  sources: RouteSources,
): Promise<HostKeyRule> {
  const { files, pins } = sources;
  // Under an alias a key is kept without its port, as ssh does.
  const { host, port } =
    place.hostKeyAlias === undefined ? place : { host: place.hostKeyAlias, port: 22 };
  const own = place.knownHostsFiles ?? [
    `${files.home}/.ssh/known_hosts`,
    `${files.home}/.ssh/known_hosts2`,
  ];
  const texts = await Promise.all(
    [...own, "/etc/ssh/ssh_known_hosts"].map((path) => files.read(path)),
  );
  const known = findKnownHost(
    texts.flatMap((text) => parseKnownHosts(text ?? "")),
    host,
    port,
  );
  const pinned = await pins.find(host, port);
  const fingerprint = trust.hostKey === undefined ? {} : { fingerprint: trust.hostKey };
  return { host, port, known, pinned, policy: trust.hostKeyPolicy ?? "known", ...fingerprint };
}

/** Once our key is installed it is enough; the password stays for the first time. */
async function withOurKeyFirst(hop: Hop, sources: RouteSources): Promise<Hop> {
  const ours = await listAuthSteps({ kind: "our-key" }, hop.user, [], sources);
  return { ...hop, steps: [...ours, ...hop.steps] };
}
