/** Where a notice names no end, or one that cannot be right: the shortest that platforms give (Google Cloud, 2026-11). */
const assumedNoticeMs = 30_000;
/** No platform announces an end so long before; what says so comes from a clock that is wrong. */
const longestNoticeMs = 1_800_000;
/** Kept for giving the machine back before it is taken: a tenth, and no more than this. */
export const mostReleaseMs = 2000;

/** What is left of a machine's time after a notice, split so that nothing of it takes the time of the rest. */
export interface NoticeShares {
  /** Until the platform takes the machine, as far as it can be told. */
  readonly leftMs: number;
  /** From the signal to the kill. */
  readonly saveMs: number;
  /** For bringing home what was saved, at least. */
  readonly fetchMs: number;
  readonly releaseMs: number;
}

/**
 * Splits the time that a notice leaves. The job gets its grace as far as four tenths of the time stay for fetching, or
 * six tenths where the last checkpoint took that long to come home: what is saved and not fetched is lost.
 */
export function shareNotice(
  now: number,
  endsAt: number | undefined,
  known: { readonly graceMs: number; readonly lastFetchMs?: number },
): NoticeShares {
  const saidMs = endsAt === undefined ? 0 : endsAt - now;
  const leftMs = saidMs > 0 && saidMs <= longestNoticeMs ? saidMs : assumedNoticeMs;
  const releaseMs = Math.min(mostReleaseMs, Math.floor(leftMs / 10));
  const wantedMs = Math.max(known.lastFetchMs ?? 0, leftMs * 0.4);
  const fetchMs = Math.floor(Math.min(wantedMs, leftMs * 0.6));
  return {
    leftMs,
    saveMs: Math.min(known.graceMs, leftMs - releaseMs - fetchMs),
    fetchMs,
    releaseMs,
  };
}
