import { appendFile, readFile } from "node:fs/promises";

/** Beside each log: when which byte arrived, at most once a second, as `ms offset` lines. */
const timesPath = (logPath: string): string => `${logPath}.times`;

const betweenMs = 1000;

/** Notes arrival times of log bytes. */
export function createLogTimes(): (logPath: string, offset: number, now: number) => Promise<void> {
  const last = new Map<string, number>();
  return async (logPath, offset, now) => {
    if (now - (last.get(logPath) ?? 0) < betweenMs) return;
    last.set(logPath, now);
    await appendFile(timesPath(logPath), `${now} ${offset}\n`, { mode: 0o600 });
  };
}

/** The first byte that arrived at or after a time (epoch milliseconds), to the second; 0 where no times were kept. */
export async function offsetSince(logPath: string, since: number): Promise<number> {
  const text = await readFile(timesPath(logPath), "utf8").catch(() => "");
  let before = 0;
  for (const line of text.split("\n")) {
    const [ms, offset] = line.split(" ").map(Number);
    if (ms === undefined || offset === undefined || Number.isNaN(ms)) continue;
    if (ms >= since) return offset;
    before = offset;
  }
  return before;
}
