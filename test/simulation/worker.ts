import { parentPort } from "node:worker_threads";
import { mutants } from "./mutants.ts";
import { runHistories } from "./run-histories.ts";

/** What `scripts/simulate.mjs` gives to each of its threads, again and again. */
interface Work {
  readonly first: number;
  readonly count: number;
  readonly mutant?: string;
  readonly mostBad?: number;
  readonly timeMs?: number;
}

// Most errors of a history are expected, and nobody reads where they came from.
Error.stackTraceLimit = 0;
parentPort?.on("message", (work: Work) => {
  void play(work);
});

async function play(work: Work): Promise<void> {
  const mutant = mutants.find(({ name }) => name === work.mutant);
  const endsAt = performance.now() + (work.timeMs ?? Number.POSITIVE_INFINITY);
  const report = await runHistories({
    first: work.first,
    count: work.count,
    ...(mutant === undefined ? {} : { mutant }),
    ...(work.mostBad === undefined ? {} : { mostBad: work.mostBad }),
    isOver: () => performance.now() > endsAt,
  });
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(report);
}
