import { readFile } from "node:fs/promises";
import { join } from "node:path";
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
import { removeTestContainers } from "../support/ssh-hosts.ts";

afterAll(() => removeTestContainers());

/**
 * The first look after waking freezes the job: until then, and never for longer than its tether, a suspended machine cannot
 * know. Counted in marks of the job, five in a second: a busy computer that keeps the supervisor waiting keeps the job too.
 */
const wakingMarks = 12;
const tetherMs = 8000;

describe.concurrent("a machine", () => {
  it("that was suspended and wakes after its job went on elsewhere is frozen and ended", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({ hosts: [{}, {}], config: "tether: short\n", onTestFinished });
    const submitted = await lab.submit(beatingJob(isLongRun ? 400 : 250));
    await until(() => submitted.out().includes("step 25"), 90_000, submitted);
    await untilSaved(submitted);
    await lab.host(0).pause();
    const pausedAt = Date.now();
    await pause(isLongRun ? 60_000 : 30_000);
    await lab.host(0).unpause();
    const wokenAt = Date.now();
    const { code } = await submitted.result;
    expect(code).toBe(0);
    const spans = await readSpans(lab.hosts);
    const [first, second] = spans;
    const afterWaking = first === undefined || first.to < wokenAt ? 0 : first.to - wokenAt;
    const marks = first?.marks.filter((at) => at > wokenAt).length ?? 0;
    say(
      `suspended ${wokenAt - pausedAt} ms: went on elsewhere after ${(second?.from ?? 0) - pausedAt} ms, ` +
        `alive for ${afterWaking} ms and ${marks} marks after waking`,
    );
    expect(spans).toHaveLength(2);
    expect(marks).toBeLessThanOrEqual(wakingMarks);
    expect(afterWaking).toBeLessThanOrEqual(tetherMs);
    expect((await lab.show()).attempts).toHaveLength(2);
    await expectNothingAlive(lab, 0, expect);
  });

  it("that was started anew is proof by its boot id: the job goes on from its checkpoint", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({ hosts: [{ mounts: true }], onTestFinished });
    await lab.host(0).reboot();
    const submitted = await lab.submit(beatingJob(100));
    await until(() => submitted.out().includes("step 45"), 90_000, submitted);
    await lab.host(0).reboot();
    const { code, out } = await submitted.result;
    const spans = await readSpans(lab.hosts);
    const run = await lab.show();
    say(`reboot: ${run.timeline.map(({ at, message }) => `${at} ${message}`).join("\n  ")}`);
    expect(code).toBe(0);
    expect(spans).toHaveLength(2);
    expect(overlapMs(spans)).toBe(0);
    expect(out).toMatch(/begin at [1-9]\d+, attempt 2/);
  });

  it("with another host key is refused: nothing is sent, and the message says why", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({ hosts: [{}], onTestFinished });
    await lab.host(0).exec(["sh", "-c", "rm /etc/ssh/ssh_host_*; ssh-keygen -A; kill -HUP 1"]);
    await until(async () => {
      const { stdout } = await lab
        .host(0)
        .exec(["sh", "-c", "ssh-keyscan localhost 2>/dev/null | wc -l"]);
      return Number(stdout) > 0;
    }, 10_000);
    const submitted = await lab.submit(beatingJob(10));
    const { code, err } = await submitted.result;
    say(err);
    expect(code).toBe(116);
    expect(err).toMatch(/host key/i);
    const { stdout } = await lab.host(0).exec(["sh", "-c", "ls -a /home/student /tmp"]);
    expect(stdout).not.toContain("gpujob");
  });

  it("that forgot its reservations, as when /tmp is cleaned, is no machine that ended", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({ hosts: [{}, {}], config: "tether: long\n", onTestFinished });
    const submitted = await lab.submit(beatingJob(400, { checkpoint: false }));
    await until(() => submitted.out().includes("step 10"), 90_000, submitted);
    await lab.host(0).exec(["sh", "-c", "rm -rf /tmp/gpujob/*; pkill -9 -f 'sshd: student'"]);
    // Two looks ten seconds apart are the proof where a platform says it; a host of one's own is no platform.
    await pause(25_000);
    const spans = await readSpans(lab.hosts);
    say(`reservations wiped: ${spans.length} attempt(s), overlap ${overlapMs(spans)} ms`);
    submitted.kill("SIGKILL");
    await submitted.result;
    expect(spans).toHaveLength(1);
    expect((await lab.show()).state).toBe("running");
  });

  it("that took over the address of ours while the job ran is refused", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({
      hosts: [{}, {}],
      timeouts: "unreachable: 12s, release: 3s",
      onTestFinished,
    });
    const submitted = await lab.submit(beatingJob(200));
    await until(() => submitted.out().includes("step 10"), 90_000, submitted);
    // The machine behind the address is another one now: its key says so, and it knows nothing of the job.
    await lab
      .host(0)
      .exec([
        "sh",
        "-c",
        "rm /etc/ssh/ssh_host_*; ssh-keygen -A; kill -HUP 1; pkill -9 -f 'sshd: student'",
      ]);
    await pause(15_000);
    const run = await lab.show();
    say(`other machine: ${run.state} ${run.timeline.map(({ message }) => message).join("\n  ")}`);
    const spans = await readSpans(lab.hosts);
    expect(overlapMs(spans)).toBe(0);
    // What cannot be asked any more is nobody's to end: after half a minute the run is over without it.
    const stopped = await lab.run(["stop", "--all", "--now"], 120_000);
    expect(stopped.code).toBe(0);
    expect((await submitted.result).code).toBe(130);
    expect(await lab.show()).toMatchObject({ state: "cancelled", exitCode: 130 });
  });
});

describe.concurrent("a driver", () => {
  it("that slept for longer than any tether wakes to a finished job, suspects nothing and releases", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({ hosts: [{}, {}], config: "tether: long\n", onTestFinished });
    const submitted = await lab.submit(
      `name: sleeper\nworkdir: .\nrun: |\n  for i in $(seq 1 15); do echo line $i; sleep 1; done; echo done > $GPUJOB_OUTPUT_DIR/end\n`,
    );
    await until(() => submitted.out().includes("line 2"), 60_000, submitted);
    submitted.kill("SIGSTOP");
    await pause(isLongRun ? 80_000 : 22_000);
    submitted.kill("SIGCONT");
    const { code, out } = await submitted.result;
    const run = await lab.show();
    expect(code).toBe(0);
    expect(out).toBe(Array.from({ length: 15 }, (_, index) => `line ${index + 1}\n`).join(""));
    expect(run.attempts).toHaveLength(1);
    expect(run.timeline.map(({ type }) => type)).not.toContain("host-silent");
    expect(await readFile(join(run.outputFolder, "end"), "utf8")).toBe("done\n");
    expect(run.timeline.at(-1)?.type).toBe("lease-released");
  });

  it("that was paused while another took over is refused by store and host, and the job runs once", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({ hosts: [{}, {}], config: "tether: long\n", onTestFinished });
    const submitted = await lab.submit(beatingJob(200));
    await until(() => submitted.out().includes("step 10"), 60_000, submitted);
    submitted.kill("SIGSTOP");
    // Its lock runs out after 15 s; then another driver may take the run.
    await pause(17_000);
    const { id } = await lab.show();
    const other = lab.run(["drive", id], 120_000);
    await pause(4000);
    submitted.kill("SIGCONT");
    const [{ code }, driven] = await Promise.all([submitted.result, other]);
    say(`second driver: ${driven.code} ${driven.err}`);
    expect(code).toBe(0);
    const spans = await readSpans(lab.hosts);
    expect(spans).toHaveLength(1);
    const run = await lab.show();
    expect(run.attempts).toHaveLength(1);
    expect(run.timeline.filter(({ type }) => type === "job-started")).toHaveLength(1);
  });
});

/** No process of an attempt is left on a host: none carries our marker. */
async function expectNothingAlive(
  lab: Awaited<ReturnType<typeof openFaultLab>>,
  index: number,
  expect: (value: unknown) => { readonly toBe: (wanted: unknown) => void },
): Promise<void> {
  const { stdout } = await lab
    .host(index)
    .exec(["sh", "-c", "grep -l GPUJOB_MARK= /proc/[0-9]*/environ 2>/dev/null | wc -l"]);
  expect(stdout.trim()).toBe("0");
}
