import { omitUndefined } from "@gpujob/adapter-kit";
import { scaleMoney, type PriceSheet, type Rental } from "@gpujob/catalog";
import type {
  AdapterContext,
  BillingRule,
  ByHand,
  Money,
  NodeAccess,
  OfferGpu,
  SshAuth,
} from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { hostName, needsPrice, rentalOf, type HostConfig } from "./config.ts";

/** A configured machine with all that follows from its configuration. */
export interface Machine {
  readonly name: string;
  readonly host: HostConfig;
  readonly terms: Terms;
  /** Folders for our work, best first; none: the home. */
  readonly folders: readonly string[];
}

/** What the machine is and costs. */
export interface Terms {
  readonly gpu: OfferGpu;
  /** For the whole machine. */
  readonly perHour: Money;
  readonly billing: BillingRule;
  readonly byHand: ByHand;
  readonly sheet?: PriceSheet;
  readonly rental?: Rental;
  /** What ends the machine from within, where that was allowed, and what it does to the bill. */
  readonly selfEnd?: { readonly command: string; readonly effect: "stops" | "ends" };
}

/** Where nobody says how time is rounded, whole hours are the careful answer. */
const wholeHours: BillingRule = { unitSeconds: 3600, minimumSeconds: 3600 };
/** As the supervisor does it; in a container without an init the first process is all there is to end. */
const powerOffCommand =
  's=; [ "$(id -u)" = 0 ] || s="sudo -n"; $s shutdown -h now || $s poweroff || $s systemctl poweroff';

/** All machines of a configuration. */
export function listMachines(hosts: readonly HostConfig[]): readonly Machine[] {
  return hosts.map((host) => ({
    name: hostName(host),
    host,
    terms: termsOf(host),
    folders: host.root === undefined ? (rentalOf(host)?.workFolders ?? []) : [],
  }));
}

function termsOf(host: HostConfig): Terms {
  const { count } = host;
  const sheet = host.sheet?.sheet;
  const card = host.gpu ?? host.sheet?.card;
  const perHour =
    host.price ??
    (sheet === undefined ? undefined : scaleMoney(sheet.pricePerHour, { times: [count] }));
  if (card === undefined || perHour === undefined)
    throw new GpujobError("config_invalid", `${hostName(host)}: ${needsPrice}`);
  const rental = rentalOf(host);
  return omitUndefined({
    gpu: { ...card, count, interconnect: "unknown" },
    perHour,
    billing: sheet?.billing ?? rental?.billing ?? wholeHours,
    byHand: {
      endAt: host.endAt ?? rental?.endAt ?? "the console that it was rented in",
      powerOff: host.powerOff ?? rental?.powerOff ?? "none",
      renews: rental?.renews ?? false,
      wipes: rental?.wipes ?? [],
    },
    sheet,
    rental,
    selfEnd: selfEndOf(host, rental),
  });
}

function selfEndOf(host: HostConfig, rental: Rental | undefined): Terms["selfEnd"] {
  if (host.selfEnd === true) return rental?.selfEnd;
  const effect = host.powerOff ?? rental?.powerOff ?? "none";
  return effect === "none" ? undefined : { command: powerOffCommand, effect };
}

/** How a machine is reached; resolves its secrets afresh. */
export async function accessOf(
  { name, host }: Machine,
  context: AdapterContext,
): Promise<NodeAccess & { readonly kind: "ssh" }> {
  const { ssh, hostKey, since } = host;
  return {
    kind: "ssh",
    host: ssh.host,
    port: ssh.port ?? 22,
    user: ssh.user ?? "root",
    auth: await readAuth(host, context),
    ...(hostKey === undefined ? {} : { hostKey }),
    // The address is given to the next customer: what known_hosts says may be about another machine.
    hostKeyPolicy: "first-use",
    machine:
      since === undefined ? `${context.platform}/${name}` : `${context.platform}/${name}@${since}`,
    mayInstallKey: true,
  };
}

async function readAuth(
  { password, key, passphrase }: HostConfig,
  context: AdapterContext,
): Promise<SshAuth> {
  if (password !== undefined)
    return { kind: "password", password: await context.resolveSecret(password) };
  if (key === undefined) return { kind: "default" };
  return {
    kind: "key-file",
    path: key,
    ...(passphrase === undefined ? {} : { passphrase: await context.resolveSecret(passphrase) }),
  };
}
