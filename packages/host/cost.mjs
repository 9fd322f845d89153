import { createTestHost, createPlan } from "/work/main/packages/host/src/testing/test-host.ts";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
const host = createTestHost(process.argv[2] ?? "dash");
const signal = new AbortController().signal;
const attempt = host.attempt;
const kind = process.argv[3] ?? "long";
await host.session.prepare(
  attempt,
  createPlan("sleep 1000", { tether: { kind, lengthMs: 600000 } }),
  { signal },
);
await host.session.start(attempt, { signal });
const stop = new AbortController();
let renew = false;
host.session
  .watch(
    attempt,
    {
      logOffset: 0,
      onBeat: (b) => {
        if (kind === "short")
          void host.session.renew(attempt, b.uptimeMs + 20000, { signal }).catch(() => {});
      },
      onLog: async () => {},
    },
    { signal: stop.signal },
  )
  .catch(() => {});
const sample = () => {
  let t = 0,
    rss = 0,
    pss = 0;
  const list = {};
  for (const e of readdirSync("/proc")) {
    if (!/^\d+$/.test(e)) continue;
    try {
      const c = readFileSync(`/proc/${e}/cmdline","latin1"`.replace(/".*/, ""), "latin1");
      if (!c.includes(host.folder) || c.includes("cost.mjs")) continue;
      const s = readFileSync(`/proc/${e}/stat`, "latin1");
      const f = s.slice(s.lastIndexOf(")") + 2).split(" ");
      const v = +f[11] + +f[12] + +f[13] + +f[14];
      t += v;
      const r = readFileSync(`/proc/${e}/smaps_rollup`, "latin1");
      rss += +/Rss:\s+(\d+)/.exec(r)[1];
      pss += +/Pss:\s+(\d+)/.exec(r)[1];
      list[c.replaceAll("\0", " ").replaceAll(host.folder, "").slice(0, 60) + " " + e] = v;
    } catch {}
  }
  return { t, rss, pss, list };
};
await sleep(3000);
const a = sample();
const t0 = Date.now();
await sleep(40000);
const b = sample();
console.log(
  process.argv[2],
  kind,
  "cpu % of a core:",
  ((((b.t - a.t) * 10) / (Date.now() - t0)) * 100).toFixed(3),
  "rss KiB",
  b.rss,
  "pss",
  b.pss,
);
for (const k in b.list) console.log(k, b.list[k] - (a.list[k] ?? 0));
stop.abort();
await host[Symbol.asyncDispose]();
process.exit(0);
