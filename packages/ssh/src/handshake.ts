import { once } from "node:events";
import { createConnection, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { PlatformError, type Clock } from "@gpujob/spec";
import ssh2, { type AuthenticationType, type ServerHostKeyAlgorithm } from "ssh2";
import type { AuthStep } from "./auth.ts";
import { authRejected, connectionError, timedOut } from "./errors.ts";
import { gatherWrites } from "./gather-writes.ts";
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
import { SshLink, type ChannelRequest } from "./link.ts";
import { offerSignature } from "./offer-signature.ts";
import { prepareKeys } from "./prepare-keys.ts";
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
  const within = createBudget(place, context);
  let socket: Duplex | undefined;
  try {
    socket = via === undefined ? startSocket(hop) : await openForward(hop, via, context);
    if (socket instanceof Socket) await within("the connection", once(socket, "connect"));
    const events = startClient(client, socket, hop, orderAlgorithms(hop.rule, triedTypes), limits);
    const blob = await within("the SSH greeting", events.hostKey);
    // A person may be asked here, so it has a time of its own.
    const trust = Promise.race([trustKey(hop, blob, context, triedTypes), events.broken]);
    const what = `the question about the host key of ${place}`;
    const onLate = (): Error => timedOut(place, what, limits.askMs);
    await withDeadline(trust, { clock, ms: limits.askMs, what, signal, onLate });
    events.goOn();
    const step = await within("the log-in", events.loggedIn);
    events.stopGuard();
    const { broken } = events;
    const onSilence = (ms: number): void => context.onSilence(place, ms);
    const link = new SshLink(client, socket, { place, clock, limits, broken, onSilence });
    return { link, step };
  } catch (error) {
    client.on("error", () => undefined);
    client.destroy();
    socket?.destroy();
    throw error;
  }
}

/** The steps of one connection share its deadline. */
function createBudget(place: string, { clock, limits, signal }: HandshakeContext) {
  let leftMs = limits.connectMs;
  return async <T>(what: string, work: Promise<T>): Promise<T> => {
    const startMs = clock.monotonic();
    const onLate = (): Error => timedOut(place, what, limits.connectMs);
    try {
      return await withDeadline(work, {
        clock,
        ms: Math.max(0, leftMs),
        what: `${what} to ${place}`,
        signal,
        onLate,
      });
    } finally {
      leftMs -= clock.monotonic() - startMs;
    }
  };
}

/** Our own socket, so that small packets leave at once. */
function startSocket({ host, port }: Hop): Socket {
  const options = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 2_000 };
  // Errors are told by whoever waits; one that comes when nobody does must not end the process.
  const socket = createConnection(options).on("error", () => undefined);
  gatherWrites(socket);
  return socket;
}

function openForward(
  { host, port }: Hop,
  via: SshLink,
  context: HandshakeContext,
): Promise<Duplex> {
  const start: ChannelRequest["start"] = (client, done) =>
    client.forwardOut("127.0.0.1", 0, host, port, done);
  return via.openChannel({ what: `the way to ${host}:${port}`, start }, context);
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
  prepareKeys(client);
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
  offerSignature(
    client,
    hop.steps.flatMap(({ key }) => key ?? []),
  );
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
