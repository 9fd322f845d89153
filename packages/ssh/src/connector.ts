import type { Channel, Clock, Connect } from "@gpujob/spec";
import type { AuthStep } from "./auth.ts";
import { createChannel } from "./channel.ts";
import { aborted } from "./errors.ts";
import type { SshFiles } from "./files.ts";
import { openHop, type HandshakeContext } from "./handshake.ts";
import type { HostKeyPin, HostKeyPins, HostKeyRule, UnknownHostKey } from "./host-keys.ts";
import { installPublicKey } from "./install-public-key.ts";
import type { SshKeyPair } from "./keys.ts";
import { defaultLimits, type SshLimits } from "./limits.ts";
import type { SshLink } from "./link.ts";
import { createLoginGuard } from "./login-guard.ts";
import { forwardPort, type Forwarding, type PortForward } from "./forward-port.ts";
import { openShell, type Shell, type ShellOptions } from "./open-shell.ts";
import { planRoute, type SshAccess } from "./route.ts";

/** What the transport gets from outside. */
export interface SshConnectorOptions {
  readonly clock: Clock;
  /** A fresh random id of `[a-z0-9]{12}`. */
  readonly newId: () => string;
  readonly files: SshFiles;
  /** The key pair of this installation, made on first use. */
  readonly ourKey: () => Promise<SshKeyPair>;
  readonly pins: HostKeyPins;
  /** Path of the SSH agent's socket, where one runs. */
  readonly agentSocket?: string;
  /** Asks a person on a terminal about an unknown host; left out, such hosts are refused. True: trust it from now on. */
  readonly confirmHostKey?: (key: UnknownHostKey) => Promise<boolean>;
  readonly log: (message: string, details?: Readonly<Record<string, unknown>>) => void;
  readonly limits?: Partial<SshLimits>;
}

/** Opens connections. It keeps nothing but the count of rejected log-ins. */
export interface SshConnector {
  /** The contract's `Connect`: a channel of its own connection each time. */
  readonly connect: Connect;
  /** The same with other pins, such as those of one lease. */
  readonly withPins: (pins: HostKeyPins) => SshConnector;
  /** Listens on 127.0.0.1 and carries each connection to a port of the machine. Ends with `close`. */
  readonly forwardPort: (
    access: SshAccess,
    forward: PortForward,
    wait: { readonly signal: AbortSignal },
  ) => Promise<Forwarding>;
  /** An interactive terminal on the machine. */
  readonly openShell: (
    access: SshAccess,
    options: ShellOptions,
    wait: { readonly signal: AbortSignal },
  ) => Promise<Shell>;
}

/**
 * Makes the transport. Errors: `unreachable` (platform codes `host-unknown`, `refused`, `timeout`, `lost`, `silent`),
 * `unauthorized` (`auth-rejected`), `forbidden` (`host-key-unknown`, `host-key-changed`, `host-key-revoked`,
 * `login-shell`), `unsupported_request`, `contract_violation`, `aborted`, and `config_invalid` for key files and SSH
 * configuration that the user must mend.
 */
export function createSshConnector(options: SshConnectorOptions): SshConnector {
  return buildConnector(options, createLoginGuard(options.clock));
}

function buildConnector(
  options: SshConnectorOptions,
  guard: ReturnType<typeof createLoginGuard>,
): SshConnector {
  const limits = { ...defaultLimits, ...options.limits };
  const open = (access: SshAccess, signal: AbortSignal, bounds = limits): Promise<Path> =>
    openPath(access, { options, guard, limits: bounds, signal });
  return {
    connect: async (access, { signal }) => {
      const path = await open(access, signal);
      const channel = createChannel(path.link, { newId: options.newId, onClosed: path.close });
      if (access.mayInstallKey === true && path.step.method.type !== "publickey")
        await tryInstall(channel, options, signal);
      return channel;
    },
    withPins: (pins) => buildConnector({ ...options, pins }, guard),
    // Forwarded ports are no sessions: servers do not count them, and a browser opens many at once.
    forwardPort: async (access, forward, { signal }) =>
      forwardPort(await open(access, signal, { ...limits, channels: 64 }), forward, options.log),
    openShell: async (access, shell, wait) =>
      openShell(await open(access, wait.signal), shell, wait),
  };
}

/** A connection through all its hops. */
export interface Path {
  readonly link: SshLink;
  readonly step: AuthStep;
  /** Ends every hop. */
  readonly close: () => void;
}

interface PathContext {
  readonly options: SshConnectorOptions;
  readonly guard: ReturnType<typeof createLoginGuard>;
  readonly limits: SshLimits;
  readonly signal: AbortSignal;
}

async function openPath(access: SshAccess, context: PathContext): Promise<Path> {
  const { options, guard, limits, signal } = context;
  if (signal.aborted) throw aborted(`the connection to ${access.host}`, signal);
  const route = await planRoute(access, options);
  const links: SshLink[] = [];
  const close = (): void => links.toReversed().forEach((link) => link.close());
  const handshake: HandshakeContext = {
    clock: options.clock,
    limits,
    signal,
    acceptUnknown: (rule, pin) => acceptUnknown(rule, pin, options),
    onSilence: (place, silentMs) =>
      options.log(
        silentMs > 0
          ? `${place} has been silent for ${Math.round(silentMs)} ms`
          : `${place} answers again`,
      ),
  };
  try {
    let step: AuthStep | undefined;
    for (const hop of route) {
      const opened = await guard.watch(hop, () => openHop(hop, links.at(-1), handshake));
      links.push(opened.link);
      step = opened.step;
    }
    const link = links.at(-1);
    if (link === undefined || step === undefined) throw new Error("A route has no hop.");
    // A hop of ours that nobody needs any more must not keep its machine busy.
    void link.gone.then(close);
    return { link, step, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function acceptUnknown(
  rule: HostKeyRule,
  pin: HostKeyPin,
  options: SshConnectorOptions,
): Promise<boolean> {
  const { host, port } = rule;
  const isAccepted =
    rule.policy !== "known" || (await options.confirmHostKey?.({ host, port, ...pin })) === true;
  if (!isAccepted) return false;
  await options.pins.add(host, port, pin);
  options.log(`learned the host key of ${host}:${port}`, { fingerprint: pin.fingerprint });
  return true;
}

/** The password is good enough to go on with, so a failure here is only worth a line. */
async function tryInstall(
  channel: Channel,
  options: SshConnectorOptions,
  signal: AbortSignal,
): Promise<void> {
  const { publicKey } = await options.ourKey();
  await installPublicKey(channel, publicKey, { signal }).catch((error: unknown) =>
    options.log("our public key could not be installed", { error: String(error) }),
  );
}
