/** The waits and bounds of a connection. Milliseconds and bytes. */
export interface SshLimits {
  /** From the first packet to a logged-in connection, per hop; the time in which a person is asked does not count. */
  readonly connectMs: number;
  /** For a person to answer about an unknown host key; servers hang up sooner (LoginGraceTime, 2 min). */
  readonly askMs: number;
  /** Until the server has started a program. */
  readonly startMs: number;
  /** Silence after which the link is suspected. */
  readonly suspectMs: number;
  /** Silence after which the link is given up. */
  readonly giveUpMs: number;
  /** Programs at once on one connection; more wait. Servers allow 10 by default. */
  readonly channels: number;
  /** Most bytes that one connection may hold in memory, both ways. */
  readonly bufferedBytes: number;
  /** Most bytes of start-up output of a log-in shell before a program begins. */
  readonly shellNoiseBytes: number;
}

const mebibyte = 1024 * 1024;

/** What is used where nothing else is said. */
export const defaultLimits: SshLimits = {
  connectMs: 15_000,
  askMs: 600_000,
  startMs: 10_000,
  suspectMs: 3_500,
  giveUpMs: 6_500,
  channels: 8,
  // 8 channels, each with a window of 2 MiB, and as much again for what is being sent.
  bufferedBytes: 32 * mebibyte,
  shellNoiseBytes: mebibyte,
};
