/**
 * The keeper: one small detached process per machine, outside the driver, so that a machine lives and dies on its own
 * like a rented one.
 *
 * It is a Node program and not a shell script because the market's truth is an SQLite file that it must read and write
 * with transactions, and because following double-forked processes through `/proc` takes one pass here and hundreds of
 * forks there. It imports nothing but Node's own modules and a few of ours: 51 MB of memory (41 of them
 * pages of the binary that all keepers share), 30 ms to start, one wake a second.
 *
 * Arguments: the market's state folder, the lease id.
 */
import { flushCompileCache } from "node:module";
import { keepMachine } from "./keep-machine.ts";

const [folder, leaseId] = process.argv.slice(2);
if (folder === undefined || leaseId === undefined) {
  process.stderr.write("usage: keeper STATE_FOLDER LEASE_ID\n");
  process.exit(2);
}

let wake: () => void = () => {};
const power = new AbortController();
process.on("SIGUSR2", () => wake());
process.on("SIGTERM", () => {
  power.abort();
  wake();
});
process.on("SIGHUP", () => {});
process.on("SIGINT", () => {});

// From sources: now and not at the end, so that the next keeper can use it.
flushCompileCache();

await keepMachine({
  folder,
  leaseId,
  searchPath: process.env["PATH"] ?? "",
  now: Date.now,
  stopped: power.signal,
  sleep: (ms) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    }),
});
process.exit(0);
