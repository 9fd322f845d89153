import { availableParallelism, loadavg, totalmem } from "node:os";

/** The computer in words, without its name, and how busy it is: programs that ran or waited to run in the last five minutes. */
export function describeMachine(): string {
  const gib = Math.round(totalmem() / 2 ** 30);
  const [, load = 0] = loadavg();
  return `${availableParallelism()} cores, ${gib} GiB, ${process.platform}, Node ${process.versions.node}, load ${load.toFixed(1)}`;
}
