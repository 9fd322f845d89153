import { afterAll, describe, it } from "vitest";
import {
  beatingJob,
  isLongRun,
  openFaultLab,
  overlapMs,
  pause,
  readSpans,
  say,
  until,
  untilSaved,
} from "../support/fault-lab.ts";
import type { ShownRun, Span } from "../support/fault-lab.ts";
import { removeTestContainers } from "../support/ssh-hosts.ts";
import type { PacketDirection } from "../support/ssh-hosts.ts";

afterAll(() => removeTestContainers());

interface Partition {
  readonly direction: PacketDirection;
  readonly ms: number;
  /** Without one nothing is replaced for `unreachable`, so the job must go on where it is. */
  readonly checkpoint: boolean;
}

interface Outcome {
  readonly spans: readonly Span[];
  readonly code: number | null;
  readonly run: ShownRun;
  /** From the first lost packet to the verdict; `undefined` where none was given. */
  readonly verdictMs: number | undefined;
}

/** Two hosts under a short tether, a job on the first of them, and its link cut for a while. */
async function cutFor(
  { direction, ms, checkpoint }: Partition,
  onTestFinished: (close: () => Promise<void>) => void,
): Promise<Outcome> {
  const lab = await openFaultLab({ hosts: [{}, {}], config: "tether: short\n", onTestFinished });
  const submitted = await lab.submit(beatingJob(100, { checkpoint }));
  const ready = checkpoint ? "step 25" : "step 10";
  await until(() => submitted.out().includes(ready), 90_000, submitted);
  if (checkpoint) await untilSaved(submitted);
  const cutAt = Date.now();
  await lab.host(0).dropPackets(direction);
  await pause(ms);
  await lab.host(0).undropPackets(direction);
  const { code } = await submitted.result;
  const run = await lab.show();
  const verdict = run.timeline.find(({ type }) => type === "host-silent");
  const outcome = {
    spans: await readSpans(lab.hosts),
    code,
    run,
    verdictMs: verdict === undefined ? undefined : Date.parse(verdict.at) - cutAt,
  };
  say(
    `partition ${direction} ${ms} ms: verdict after ${outcome.verdictMs ?? "none"} ms, ` +
      `${outcome.spans.length} attempt(s), overlap ${overlapMs(outcome.spans)} ms, ` +
      `longest gap ${Math.max(...outcome.spans.map((span) => span.longestGapMs))} ms`,
  );
  return outcome;
}

/** Around the moment at which the host freezes (8 s after the last renewal) and the driver may go on elsewhere (10 s). */
const healMs = isLongRun
  ? [7000, 7500, 8000, 8500, 9000, 9500, 10_000, 10_500, 11_000, 12_000, 15_000, 60_000]
  : [10_000];
const longMs = isLongRun ? 60_000 : 12_000;

describe.concurrent("a partition under a short tether", () => {
  it.for(isLongRun ? (["both", "in", "out"] as const) : (["both"] as const))(
    "of 5 s (%s) freezes nothing and replaces nothing",
    async (direction, { expect, onTestFinished }) => {
      const cut = { direction, ms: 5000, checkpoint: true };
      const { spans, code, run } = await cutFor(cut, onTestFinished);
      expect(code).toBe(0);
      expect(spans).toHaveLength(1);
      expect(spans[0]?.longestGapMs).toBeLessThan(3000);
      expect(run.attempts).toHaveLength(1);
    },
  );

  it.for(healMs)(
    "that heals after %d ms, when the tether ends, never lets two run at once, and the job ends well",
    async (ms, { expect, onTestFinished }) => {
      const { spans, code } = await cutFor(
        { direction: "both", ms, checkpoint: true },
        onTestFinished,
      );
      expect(overlapMs(spans)).toBe(0);
      expect(code).toBe(0);
    },
  );

  it.for(["in", "out"] as const)(
    "of packets one way only (%s) ends in one job, here or there, and a verdict within 7 s of silence",
    async (direction, { expect, onTestFinished }) => {
      const cut = { direction, ms: longMs, checkpoint: true };
      const { spans, code, verdictMs } = await cutFor(cut, onTestFinished);
      expect(overlapMs(spans)).toBe(0);
      expect(code).toBe(0);
      // The last beat may be a second old when packets begin to be lost, and the look comes twice a second.
      if (direction === "out") expect(verdictMs).toBeLessThanOrEqual(8500);
    },
  );

  it("without a checkpoint freezes the job and lets it go on where it was", async ({
    expect,
    onTestFinished,
  }) => {
    const cut: Partition = { direction: "both", ms: 13_000, checkpoint: false };
    const { spans, code, run, verdictMs } = await cutFor(cut, onTestFinished);
    expect(code).toBe(0);
    expect(spans).toHaveLength(1);
    // Frozen from the eighth second on at the latest, until the link was back.
    expect(spans[0]?.longestGapMs).toBeGreaterThan(3500);
    expect(verdictMs).toBeLessThanOrEqual(8500);
    expect(run.timeline.map(({ type }) => type)).toContain("host-heard");
  });
});
