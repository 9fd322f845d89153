import { availableParallelism, totalmem } from "node:os";

/** The computer in words, without its name. */
export function describeMachine(): string {
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${availableParallelism()} cores, ${gib} GiB, ${process.platform}, Node ${process.versions.node}`;
}
