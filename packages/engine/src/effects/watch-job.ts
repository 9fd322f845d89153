import type { HostBeat, HostExit, HostSession } from "@gpujob/spec";
import { toFailure } from "@gpujob/spec";
import { findMemoryText, memoryTailBytes } from "../core/memory-texts.ts";
import { createLink, tetherMarginMs } from "./link.ts";
import type { Link } from "./link.ts";
import { watchPlatform } from "./watch-platform.ts";
import type { MemberRef, Work } from "./work.ts";
import { backOff, deadline, lookUp, noLongerNeeded } from "./work.ts";

const connectDeadlineMs = 15_000;

/**
 * Follows one member's job until it has ended and its whole log is home: streams the log, renews the tether, tells
 * silence from death, and asks the platform about notices. A broken link is made again for as long as the effect lives.
 */
export async function runWatchJob(work: Work, ref: MemberRef): Promise<void> {
  const stop = new AbortController();
  const inner: Work = { ...work, signal: AbortSignal.any([work.signal, stop.signal]) };
  const link = createLink(inner, ref);
  const side = [
    keepTether(inner, ref, link),
    watchSilence(inner, link),
    watchPlatform(inner, ref, link),
  ];
  try {
    const last = await follow(inner, ref, link);
    if (last.exit === undefined) return;
    const memory = await readMemoryText(work, ref, last.exit);
    await work.session.emit(
      { type: "job-exited", ...ref, exit: last.exit, logBytes: last.logBytes, ...memory },
      { finish: work.effectId },
    );
  } finally {
    stop.abort(noLongerNeeded);
    await Promise.allSettled(side);
  }
}

/** What the end of a failed job's log says of the memory of its card. A log that cannot be read says nothing. */
async function readMemoryText(
  work: Work,
  ref: MemberRef,
  exit: HostExit,
): Promise<{ readonly memoryText?: string }> {
  const { submission, ports } = work.session;
  if (exit.code === 0 || exit.reason !== "exited") return {};
  const { runId } = submission;
  const tail = await ports.files
    .readLogTail?.(runId, ref.attempt, ref.member, memoryTailBytes)
    .catch(() => undefined);
  const memoryText = tail === undefined ? undefined : findMemoryText(tail);
  return memoryText === undefined ? {} : { memoryText };
}

/** Watches over one connection after the other until the job has ended. */
async function follow(work: Work, ref: MemberRef, link: Link): Promise<HostBeat> {
  const { session, signal } = work;
  const wait = backOff(250, 2000);
  for (;;) {
    const connecting = deadline(session.ports.clock, signal, connectDeadlineMs);
    try {
      const host = await session.host(ref.attempt, ref.member, connecting);
      connecting.clear();
      link.host = host;
      return await watchOnce(work, ref, link, host);
    } catch (error) {
      if (signal.aborted) throw error;
      session.ports.observe({ type: "trouble", operation: "watch", failure: toFailure(error) });
      delete link.host;
      session.dropHost(ref.attempt, ref.member);
      await session.ports.clock.sleep(wait(), { signal });
    } finally {
      connecting.clear();
    }
  }
}

async function watchOnce(
  work: Work,
  ref: MemberRef,
  link: Link,
  host: HostSession,
): Promise<HostBeat> {
  const { session, signal } = work;
  const { files } = session.ports;
  const { runId } = session.submission;
  const cut = new AbortController();
  link.cut = () => cut.abort(noLongerNeeded);
  const logOffset = await files.logSize(runId, ref.attempt, ref.member);
  return host.watch(
    session.hostAttempt(ref.attempt, ref.member),
    {
      logOffset,
      onBeat: (beat) => link.hear(beat),
      onLog: async (bytes, offset) => {
        await files.appendLog(runId, ref.attempt, ref.member, bytes, offset);
        session.ports.crashPoint("sent:append-log");
        session.ports.observe({ type: "log", ...ref, bytes, offset });
      },
    },
    { signal: AbortSignal.any([signal, cut.signal]) },
  );
}

/** Renews the driver's promise on the host, and thaws a job that froze while the link was down. */
async function keepTether(work: Work, ref: MemberRef, link: Link): Promise<void> {
  const { session, signal } = work;
  const { clock } = session.ports;
  const tether = lookUp(work, ref).attempt.tether ?? { kind: "long", lengthMs: 60_000 };
  const everyMs = tether.kind === "short" ? 1000 : Math.min(10_000, tether.lengthMs / 10);
  const me = session.hostAttempt(ref.attempt, ref.member);
  while (!signal.aborted) {
    const { host, beat, heardAt } = link;
    // Once the lock has lapsed another driver may count on the tether's end: it is no longer this one's to move.
    const isOurs = session.lock().expiresAt > clock.now();
    if (host !== undefined && beat !== undefined && isOurs) {
      const validUntilUptimeMs = beat.uptimeMs + tether.lengthMs;
      // The driver counts from the arrival of the beat, which is later than the beat itself.
      if (tether.kind === "short") link.tetherEndsAt = heardAt + tether.lengthMs + tetherMarginMs;
      try {
        if (beat.state === "frozen" && beat.nonce !== undefined) {
          await host.thaw(me, { nonce: beat.nonce, validUntilUptimeMs }, { signal });
        } else {
          await host.renew(me, validUntilUptimeMs, { signal });
        }
      } catch (error) {
        if (!signal.aborted)
          session.ports.observe({
            type: "trouble",
            operation: "tether",
            failure: toFailure(error),
          });
      }
    }
    await clock.sleep(everyMs, { signal }).catch(() => undefined);
  }
}

async function watchSilence(work: Work, link: Link): Promise<void> {
  const { clock, tempo } = work.session.ports;
  while (!work.signal.aborted) {
    await clock.sleep(tempo.watchMs, { signal: work.signal }).catch(() => undefined);
    await link.check().catch((error: unknown) => {
      if (!work.signal.aborted)
        work.session.ports.observe({
          type: "trouble",
          operation: "watch",
          failure: toFailure(error),
        });
    });
  }
}
