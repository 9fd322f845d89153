import type { HostBeat, HostSession } from "@gpujob/spec";
import type { MemberRef, Work } from "./work.ts";
import { lookUp } from "./work.ts";

/** Nothing heard for so long: the link is cut and made again, on suspicion. */
const suspicionMs = 4000;
/**
 * Nothing heard for so long, over more than one connection: a replacement may be prepared. Looked at twice a second, it is
 * told within the 7 s that are promised.
 */
const verdictMs = 6500;
/** A driver that did not get its turn for so long was asleep, and knows nothing. */
const gapMs = 3000;

/** Beyond the host's own expiry: for a clock that is read late. */
export const tetherMarginMs = 2000;

/** What is known of one host at this moment. */
export interface Link {
  host?: HostSession;
  beat?: HostBeat;
  /** Epoch milliseconds at which the last beat arrived. */
  beatAt: number;
  /** The same by the monotonic clock; before the first beat, the moment at which the watch began. */
  heardAt: number;
  /** Monotonic milliseconds at which the short tether has surely run out: a wall clock that is set ends none. */
  tetherEndsAt?: number;
  /** Ends the present watch, so that a new connection is made. */
  cut?: () => void;
  readonly isSilent: () => boolean;
  readonly hear: (beat: HostBeat) => void;
  /** Looks whether silence has become a verdict; called every tick. */
  readonly check: () => Promise<void>;
}

export function createLink(work: Work, ref: MemberRef): Link {
  const { session } = work;
  const { clock } = session.ports;
  let isSilent = lookUp(work, ref).member.silentSince !== undefined;
  let heardAt = clock.monotonic();
  let checkedAt = heardAt;
  let isCut = false;
  let isRebooted = false;
  /** Boot id of another machine that answers in the place of ours: nothing it says is heard. */
  let strangerBoot: string | undefined;
  let isOnline: Promise<boolean> | undefined;

  const link: Link = {
    beatAt: clock.now(),
    heardAt,
    isSilent: () => isSilent,
    hear(beat) {
      if (beat.bootId === strangerBoot) return;
      link.beat = beat;
      link.beatAt = clock.now();
      heardAt = clock.monotonic();
      link.heardAt = heardAt;
      isCut = false;
      session.ports.observe({ type: "beat", ...ref, beat });
    },
    async check() {
      const now = clock.monotonic();
      const hasSlept = now - checkedAt > gapMs + session.ports.tempo.watchMs;
      checkedAt = now;
      if (hasSlept) {
        // Whatever was not heard meanwhile could not have been heard: all suspicion is dropped.
        heardAt = now;
        link.cut?.();
        return;
      }
      await checkReboot();
      await checkSetUp();
      const silentMs = now - heardAt;
      if (isSilent && silentMs < suspicionMs) return tellHeard();
      if (isSilent) return;
      if (silentMs >= suspicionMs && !isCut) {
        isCut = true;
        // Asked on suspicion, so that the answer is there for the verdict.
        isOnline = session.ports.isOnline();
        link.cut?.();
      }
      if (silentMs < verdictMs) return;
      isOnline ??= session.ports.isOnline();
      if (await isOnline) await tellSilent();
      else isOnline = undefined;
    },
  };

  async function tellHeard(): Promise<void> {
    isSilent = false;
    await session.emit({ type: "host-heard", ...ref, isFrozen: link.beat?.state === "frozen" });
  }

  async function tellSilent(): Promise<void> {
    isSilent = true;
    await session.emit({
      type: "host-silent",
      ...ref,
      lastBeatAt: link.beatAt,
      isCheckpointFresh: isCheckpointFresh(),
      ...tetherEnd(),
    });
  }

  /** A driver that took over never renewed itself: the last one may have, until this one took the lock. */
  function tetherEnd(): { readonly tetherEndsAt?: number } {
    const { tether } = lookUp(work, ref).attempt;
    if (tether?.kind !== "short") return {};
    const endsAt = link.tetherEndsAt ?? link.heardAt + tether.lengthMs + tetherMarginMs;
    return { tetherEndsAt: clock.now() + endsAt - clock.monotonic() };
  }

  function isCheckpointFresh(): boolean {
    const rule = session.submission.job.checkpoint;
    const { checkpoint } = session.snapshot().context;
    if (rule === undefined || checkpoint === undefined || checkpoint.attempt !== ref.attempt)
      return false;
    // By when it was whole, not by when it was begun: else one that takes long to come home would never be fresh.
    const confirmedAt = checkpoint.at + (checkpoint.tookMs ?? 0);
    return link.beatAt - confirmedAt <= Math.max(2 * rule.everyMs, 10_000);
  }

  async function checkReboot(): Promise<void> {
    const known = lookUp(work, ref).member.identity;
    const { beat, host } = link;
    if (isRebooted || beat === undefined || known === undefined || beat.bootId === known.bootId)
      return;
    // A clone under the same address and key has another boot id too, and proves nothing about ours.
    const facts = await host?.readFacts({ signal: work.signal });
    if (facts === undefined) return;
    if (facts.machineId !== known.machineId) {
      strangerBoot = beat.bootId;
      delete link.beat;
      link.cut?.();
      return;
    }
    isRebooted = true;
    await session.emit({
      type: "host-lost",
      ...ref,
      fence: { by: "reboot", at: clock.now() },
      failure: {
        kind: "interrupted",
        // A machine that no API ends is there again, and may be the only one; another is better replaced.
        scope: lookUp(work, ref).target.capabilities.release === "api" ? "offer" : "call",
        message: "The machine was restarted while the job ran.",
      },
    });
  }

  /** A gang goes on together: each node says once that it is set up. */
  async function checkSetUp(): Promise<void> {
    const { attempt, member } = lookUp(work, ref);
    if (attempt.members.length === 1 || member.isSetUp === true || link.beat?.isSetUp !== true)
      return;
    await session.emit({ type: "node-set-up", ...ref });
  }

  return link;
}
