import { setMaxListeners } from "node:events";
import type { Duplex } from "node:stream";
import { PlatformError, type Clock } from "@gpujob/spec";
import type { Client, ClientChannel } from "ssh2";
import { aborted, connectionError, timedOut, unreachable } from "./errors.ts";
import type { SshLimits } from "./limits.ts";
import { createSlots, type Slots } from "./slots.ts";
import { abandon } from "./abandon.ts";
import { withDeadline } from "./wait.ts";

/** What a link is told from outside. */
export interface LinkOptions {
  /** `user@host:port`, for messages. */
  readonly place: string;
  readonly clock: Clock;
  readonly limits: SshLimits;
  /** Called once each time the link falls silent, and once more when it speaks again. */
  readonly onSilence?: (silentMs: number) => void;
  /** Rejects when the client breaks, also if it broke before the link was made. */
  readonly broken: Promise<never>;
}

/** A channel to be opened. */
export interface ChannelRequest {
  /** For messages, such as "port 6006". */
  readonly what: string;
  readonly start: (
    client: Client,
    done: (error: Error | undefined, channel: ClientChannel) => void,
  ) => void;
  /** Called at once when it is open: all that the channel will ever say may already be on its way. */
  readonly onOpen?: (channel: ClientChannel) => void;
}

/**
 * A logged-in connection to one machine. It lives until `close`, until the peer ends it, or until the peer has been silent
 * too long; then everything open on it fails with `unreachable`.
 */
export class SshLink {
  readonly place: string;
  readonly clock: Clock;
  readonly limits: SshLimits;
  /** Settles, never rejects, with the reason once the link is gone. */
  readonly gone: Promise<PlatformError>;
  readonly #client: Client;
  readonly #socket: Duplex;
  readonly #slots: Slots;
  readonly #open = new Set<ClientChannel>();
  readonly #ended = new AbortController();
  readonly #onSilence: (silentMs: number) => void;
  #failure: PlatformError | undefined;
  #receivedBytes = 0;

  /** Takes over a client that is ready and the stream that it runs on. */
  constructor(client: Client, socket: Duplex, options: LinkOptions) {
    this.place = options.place;
    this.clock = options.clock;
    this.limits = options.limits;
    this.#client = client;
    this.#socket = socket;
    this.#slots = createSlots(options.limits.channels);
    this.#onSilence = options.onSilence ?? (() => undefined);
    setMaxListeners(0, this.#ended.signal);
    this.gone = new Promise((resolve) => void this.onGone(resolve));
    options.broken.catch((error: unknown) => this.#fail(connectionError(this.place, error)));
    socket.on("data", (data: Buffer) => this.#received(data.length));
    void this.#beat();
  }

  /** Why the link is gone, or what to say when it goes now. */
  failure(): PlatformError {
    return (
      this.#failure ??
      unreachable(this.place, "the connection was closed", "lost", "Connect again.")
    );
  }

  /**
   * Calls the listener once the link is gone; the answer forgets it. For what comes and goes on a long-lived link, where
   * waiting for `gone` would keep everything that ever waited.
   */
  onGone(listener: (failure: PlatformError) => void): () => void {
    const { signal } = this.#ended;
    const call = (): void => listener(this.failure());
    if (this.isGone) queueMicrotask(call);
    else signal.addEventListener("abort", call, { once: true });
    return () => signal.removeEventListener("abort", call);
  }

  get isGone(): boolean {
    return this.#ended.signal.aborted;
  }

  /** Ends the connection and everything on it. */
  close(): void {
    this.#client.end();
    this.#fail(this.failure());
  }

  /**
   * Opens a channel, once one of the few places is free. The place is held until the channel has closed. Fails with
   * `unreachable` when the server does not answer in time.
   */
  async openChannel(
    request: ChannelRequest,
    wait: { readonly signal: AbortSignal },
  ): Promise<ClientChannel> {
    for (;;) {
      const signal = AbortSignal.any([wait.signal, this.#ended.signal]);
      const release = await this.#slots.take(signal).catch((): never => {
        throw this.isGone ? this.failure() : aborted(request.what, wait.signal);
      });
      const opened = await this.#tryOpen(request, release, wait.signal).catch(
        (error: unknown): never => {
          release();
          throw error;
        },
      );
      if (opened !== undefined) return opened;
      // The server allows fewer channels than we do (MaxSessions): be content with those that are open.
      this.#slots.shrink();
      release();
    }
  }

  async #tryOpen(
    { what, start, onOpen }: ChannelRequest,
    release: () => void,
    signal: AbortSignal,
  ): Promise<ClientChannel | undefined> {
    if (this.isGone) throw this.failure();
    if (signal.aborted) throw aborted(what, signal);
    const { startMs } = this.limits;
    let isLate = false;
    const opening = new Promise<ClientChannel | undefined>((resolve, reject) => {
      start(this.#client, (error, channel) => {
        if (error === undefined) {
          this.#open.add(channel);
          channel.once("close", () => {
            this.#open.delete(channel);
            release();
          });
          // Nobody waits any more: a program that starts now must not go on unseen.
          if (isLate) abandon(channel);
          else onOpen?.(channel);
          resolve(channel);
        } else if (isRefusedChannel(error) && this.#slots.taken() > 1) resolve(undefined);
        else reject(this.isGone ? this.failure() : startError(this.place, what, error));
      });
    });
    const lost = Promise.withResolvers<never>();
    const stopWatching = this.onGone(lost.reject);
    lost.promise.catch(() => undefined);
    return withDeadline(Promise.race([opening, lost.promise]), {
      clock: this.clock,
      ms: startMs,
      what,
      signal,
      onLate: () => timedOut(this.place, `the start of ${what}`, startMs),
    })
      .catch((error: unknown): never => {
        isLate = true;
        opening.catch(() => undefined);
        throw error;
      })
      .finally(stopWatching);
  }

  #received(bytes: number): void {
    this.#receivedBytes += bytes;
    // ssh2 does not hold the peer to its window, so a hostile one could fill our memory.
    let buffered = this.#socket.writableLength;
    for (const channel of this.#open)
      buffered += channel.readableLength + channel.stderr.readableLength;
    if (buffered <= this.limits.bufferedBytes) return;
    this.#fail(
      new PlatformError(
        "contract_violation",
        `${this.place} sent more than it was allowed to; the connection was ended.`,
        { scope: "host" },
      ),
    );
  }

  /**
   * Watches for signs of life twice a second. ssh2 asks the peer for one each second. A gap in our own time (a closed lid)
   * is not the peer's silence, so the count begins anew after it.
   */
  async #beat(): Promise<void> {
    const { signal } = this.#ended;
    const tickMs = 500;
    let last = { atMs: this.clock.monotonic(), bytes: 0, drained: 0 };
    let isSuspected = false;
    for (let previousMs = last.atMs; ;) {
      await this.clock.sleep(tickMs, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const nowMs = this.clock.monotonic();
      const hadGap = nowMs - previousMs > tickMs + this.limits.suspectMs / 2;
      previousMs = nowMs;
      const drained = this.#readDrained();
      if (this.#receivedBytes !== last.bytes || drained !== last.drained || hadGap) {
        last = { atMs: nowMs, bytes: this.#receivedBytes, drained };
        if (isSuspected) this.#onSilence(0);
        isSuspected = false;
        continue;
      }
      const silentMs = nowMs - last.atMs;
      if (silentMs >= this.limits.giveUpMs) {
        this.#fail(
          unreachable(
            this.place,
            `silent for ${Math.round(silentMs / 1000)} s`,
            "silent",
            "Check the network between here and the machine.",
          ),
        );
        return;
      }
      if (silentMs < this.limits.suspectMs || isSuspected) continue;
      isSuspected = true;
      this.#onSilence(silentMs);
    }
  }

  /** Bytes that the system took off our hands while more were waiting: on a slow uplink a sign of life before any answer. */
  #readDrained(): number {
    const waiting = this.#socket.writableLength;
    if (waiting === 0 || !("bytesWritten" in this.#socket)) return 0;
    return Number(this.#socket.bytesWritten) - waiting;
  }

  #fail(failure: PlatformError): void {
    if (this.isGone) return;
    this.#failure = failure;
    this.#ended.abort();
    this.#socket.destroy();
    this.#client.destroy();
  }
}

function isRefusedChannel(error: Error): boolean {
  // CHANNEL_OPEN_FAILURE: 1 administratively prohibited, 2 connect failed (OpenSSH beyond MaxSessions), 4 resource shortage.
  return "reason" in error && [1, 2, 4].includes(Number(error.reason));
}

function startError(place: string, what: string, error: Error): PlatformError {
  return new PlatformError(
    "unavailable",
    `${place}: the server refused to start ${what} (${error.message}).`,
    {
      scope: "host",
      operation: "exec",
      hint: "The server may forbid it for this user (ForceCommand, AllowTcpForwarding, MaxSessions).",
      cause: error,
    },
  );
}
