import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { PlatformError, type Clock } from "@gpujob/spec";
import ssh2, { type AuthenticationType, type ServerHostKeyAlgorithm } from "ssh2";
import type { AuthStep } from "./auth.ts";
import { authRejected, connectionError, timedOut } from "./errors.ts";
import {
  hostKeyChanged,
  hostKeyRevoked,
  hostKeyUnknown,
  judgeHostKey,
  orderAlgorithms,
  type HostKeyPin,
  type HostKeyRule,
} from "./host-keys.ts";
import type { SshLimits } from "./limits.ts";
import { SshLink } from "./link.ts";
import { withDeadline } from "./wait.ts";

/** One machine on the way, with everything needed to log in there. */
export interface Hop {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly steps: readonly AuthStep[];
  readonly rule: HostKeyRule;
}

/** What a handshake gets from outside. */
export interface HandshakeContext {
  readonly clock: Clock;
  readonly limits: SshLimits;
  readonly signal: AbortSignal;
  /** Decides about a key that nothing vouches for; takes the time it needs. */
  readonly acceptUnknown: (rule: HostKeyRule, pin: HostKeyPin) => Promise<boolean>;
  readonly onSilence: (place: string, silentMs: number) => void;
}

/** A link, and the way of logging in that was taken. */
export interface Opened {
  readonly link: SshLink;
  readonly step: AuthStep;
}

/** Connects and logs in, directly or through `via`. Nothing of ours is sent before the host key is trusted. */
export async function openHop(
  hop: Hop,
  via: SshLink | undefined,
  context: HandshakeContext,
): Promise<Opened> {
  const tried: string[] = [];
  let first: PlatformError | undefined;
  for (;;) {
    try {
      return await handshake(hop, via, context, tried);
    } catch (error) {
      const failure = connectionError(placeOf(hop), error);
      const isChange = failure.failure.platformCode === "host-key-changed";
      // A fingerprint does not tell the type of its key: the host may have it beside the one it showed.
      if (!isChange && first === undefined) throw failure;
      first ??= failure;
      const canAskAgain = isChange && hop.rule.fingerprint !== undefined && tried.length < 5;
      if (!canAskAgain || orderAlgorithms(hop.rule, tried).length === 0) throw first;
    }
  }
}

function placeOf(hop: Hop): string {
  return `${hop.user}@${hop.host}:${hop.port}`;
}

async function handshake(
  hop: Hop,
  via: SshLink | undefined,
  context: HandshakeContext,
  triedTypes: string[],
): Promise<Opened> {
  const place = placeOf(hop);
  const { clock, limits, signal } = context;
  const client = new ssh2.Client();
  const bound = { clock, ms: limits.connectMs, what: `the connection to ${place}`, signal };
  let socket: Duplex | undefined;
  try {
    socket = await withDeadline(openSocket(hop, via, context), {
      ...bound,
      onLate: () => timedOut(place, "the connection", limits.connectMs),
    });
    const events = startClient(client, socket, hop, orderAlgorithms(hop.rule, triedTypes), limits);
    const blob = await withDeadline(events.hostKey, {
      ...bound,
      onLate: () => timedOut(place, "the SSH greeting", limits.connectMs),
    });
    await Promise.race([trustKey(hop, blob, context, triedTypes), events.broken]);
    events.goOn();
    const step = await withDeadline(events.loggedIn, {
      ...bound,
      onLate: () => timedOut(place, "the log-in", limits.connectMs),
    });
    events.stopGuard();
    const link = new SshLink(client, socket, {
      place,
      clock,
      limits,
      broken: events.broken,
      onSilence: (ms) => context.onSilence(place, ms),
    });
    return { link, step };
  } catch (error) {
    client.on("error", () => undefined);
    client.destroy();
    socket?.destroy();
    throw error;
  }
}

/** Our own socket, so that small packets leave at once. */
async function openSocket(
  hop: Hop,
  via: SshLink | undefined,
  context: HandshakeContext,
): Promise<Duplex> {
  if (via !== undefined) {
    return via.openChannel(
      {
        what: `the way to ${hop.host}:${hop.port}`,
        start: (client, done) => client.forwardOut("127.0.0.1", 0, hop.host, hop.port, done),
      },
      context,
    );
  }
  const socket = createConnection({
    host: hop.host,
    port: hop.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 2_000,
  });
  const abandon = (): void => void socket.destroy(new Error("cancelled"));
  context.signal.addEventListener("abort", abandon, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve).once("error", reject);
      void context.clock.sleep(context.limits.connectMs, context).then(abandon, () => undefined);
    });
  } finally {
    context.signal.removeEventListener("abort", abandon);
  }
  return socket;
}

async function trustKey(
  hop: Hop,
  blob: Buffer,
  context: HandshakeContext,
  triedTypes: string[],
): Promise<void> {
  const verdict = judgeHostKey(hop.rule, blob);
  switch (verdict.kind) {
    case "trusted":
      return;
    case "revoked":
      throw hostKeyRevoked(hop.rule, verdict.pin);
    case "changed":
      triedTypes.push(verdict.pin.type);
      throw hostKeyChanged(hop.rule, verdict.pin, verdict.expected);
    case "unknown":
      if (!(await context.acceptUnknown(hop.rule, verdict.pin)))
        throw hostKeyUnknown(hop.rule, verdict.pin);
  }
}

interface ClientEvents {
  readonly hostKey: Promise<Buffer>;
  readonly loggedIn: Promise<AuthStep>;
  /** Only ever rejects. */
  readonly broken: Promise<never>;
  /** Lets the key exchange end, now that the host is trusted. */
  readonly goOn: () => void;
  readonly stopGuard: () => void;
}

const mostBytesBeforeLogin = 4 * 1024 * 1024;

/** Starts the key exchange on a stream and turns ssh2's events into promises. */
function startClient(
  client: ssh2.Client,
  socket: Duplex,
  hop: Hop,
  algorithms: readonly ServerHostKeyAlgorithm[],
  limits: SshLimits,
): ClientEvents {
  const hostKey = Promise.withResolvers<Buffer>();
  const loggedIn = Promise.withResolvers<AuthStep>();
  const broken = Promise.withResolvers<never>();
  const fail = (error: unknown): void => {
    for (const { reject } of [hostKey, loggedIn, broken]) reject(error);
  };
  for (const { promise } of [hostKey, loggedIn, broken]) promise.catch(() => undefined);
  let verify = (_isTrusted: boolean): void => undefined;
  const login = createLogin(hop, fail);
  let isLoggedIn = false;
  client.on("ready", () => {
    isLoggedIn = true;
    loggedIn.resolve(login.step());
  });
  client.on("error", fail);
  client.on("close", () =>
    fail(
      login.hasBegun() && !isLoggedIn
        ? login.rejection()
        : new Error("the server closed the connection"),
    ),
  );
  let bytes = 0;
  const guard = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes <= mostBytesBeforeLogin && socket.writableLength <= limits.bufferedBytes) return;
    fail(
      new PlatformError(
        "contract_violation",
        `${placeOf(hop)} floods us before the log-in; the connection was ended.`,
        { scope: "host" },
      ),
    );
    socket.destroy();
  };
  client.connect({
    sock: socket,
    username: hop.user,
    readyTimeout: 0,
    keepaliveInterval: 1_000,
    // Giving up is the link's own business: it knows of gaps in our own time.
    keepaliveCountMax: 1_000_000,
    algorithms: { serverHostKey: [...algorithms], compress: ["none"] },
    hostVerifier: (blob: Buffer, done: (isTrusted: boolean) => void) => {
      verify = done;
      hostKey.resolve(Buffer.from(blob));
    },
    authHandler: login.next,
  });
  socket.on("data", guard);
  return {
    hostKey: hostKey.promise,
    loggedIn: loggedIn.promise,
    broken: broken.promise,
    goOn: () => verify(true),
    stopGuard: () => void socket.off("data", guard),
  };
}

/** Walks through the ways to log in, leaving out those that the server does not offer. */
function createLogin(hop: Hop, fail: (error: unknown) => void) {
  const waiting = [...hop.steps];
  const rejected: string[] = [];
  let current: AuthStep | undefined;
  const rejection = (): PlatformError => authRejected(placeOf(hop), undefined, rejected);
  return {
    next: (
      offered: AuthenticationType[] | null,
      isPartial: boolean | null,
      go: (method: AuthStep["method"]) => void,
    ): void => {
      if (current !== undefined && isPartial !== true) rejected.push(current.name);
      const usable = waiting.findIndex((step) => offered?.includes(offeredName(step)) ?? true);
      current = usable < 0 ? undefined : waiting[usable];
      waiting.splice(0, usable < 0 ? waiting.length : usable + 1);
      if (current === undefined) fail(rejection());
      else go(current.method);
    },
    step: (): AuthStep => {
      if (current === undefined)
        throw new PlatformError(
          "contract_violation",
          `${placeOf(hop)} let us in without a log-in.`,
          { scope: "host" },
        );
      return current;
    },
    hasBegun: () => current !== undefined,
    rejection: () => {
      if (current !== undefined && !rejected.includes(current.name)) rejected.push(current.name);
      return rejection();
    },
  };
}

/** What the server calls a way of logging in: an agent's keys are keys. */
function offeredName(step: AuthStep): AuthenticationType {
  return step.method.type === "agent" ? "publickey" : step.method.type;
}
