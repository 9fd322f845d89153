/**
 * Reads a Retry-After header: seconds, or an HTTP date, which is compared with the server's own Date header where there
 * is one, because the two clocks may differ by minutes. In milliseconds, 0 or more; `undefined` when absent or unreadable.
 */
export function readRetryAfter(headers: Headers, nowMs: number): number | undefined {
  const text = headers.get("retry-after")?.trim();
  if (text === undefined || text === "") return undefined;
  if (/^\d+(?:\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  const atMs = Date.parse(text);
  if (!Number.isFinite(atMs)) return undefined;
  const serverMs = Date.parse(headers.get("date") ?? "");
  return Math.max(0, atMs - (Number.isFinite(serverMs) ? serverMs : nowMs));
}
