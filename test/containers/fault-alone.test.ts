import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import { runGpujob, startGpujob } from "../cli/support/gpujob.ts";
import { openFaultLab, say, until } from "../support/fault-lab.ts";
import type { FaultLab } from "../support/fault-lab.ts";
import { removeTestContainers } from "../support/ssh-hosts.ts";

afterAll(() => removeTestContainers());

/** A job that saves on SIGTERM and would run for an hour. */
function endless(more: string): string {
  return `name: endless
workdir: .
checkpoint: { path: ckpt, every: 2s, grace: 5s }
${more}
run: |
  mkdir -p ckpt; trap 'echo saved >ckpt/saved; exit 9' TERM
  i=0; while :; do i=$((i + 1)); echo "step $i"; date +%s%3N >"$GPUJOB_OUTPUT_DIR/last"; sleep 1 & wait $!; done
`;
}

/** What the host itself wrote down about the end: its code, reason, and seconds from begin to end. */
async function readExit(
  lab: FaultLab,
): Promise<{ readonly reason: string; readonly seconds: number } | undefined> {
  const { stdout } = await lab
    .host(0)
    .exec(["sh", "-c", "cat /home/student/.gpujob/attempts/*/control/exit 2>/dev/null; true"]);
  const [, reason, began, ended] = stdout.split(" ");
  return reason === undefined ? undefined : { reason, seconds: Number(ended) - Number(began) };
}

async function isAlive(lab: FaultLab): Promise<boolean> {
  const { stdout } = await lab
    .host(0)
    .exec(["sh", "-c", "grep -lz GPUJOB_MARK= /proc/[0-9]*/environ 2>/dev/null | wc -l"]);
  return Number(stdout) > 0;
}

/** Submits, waits until the job runs, kills the driver for good, and waits for the host to end the job by itself. */
async function abandon(
  lab: FaultLab,
  job: string,
): Promise<{ readonly reason: string; readonly seconds: number }> {
  const submitted = await lab.submit(job);
  // Late enough for the tether to have been moved: else its end and that of a limit fall together.
  await until(() => submitted.out().includes("step 6"), 60_000, submitted);
  submitted.kill("SIGKILL");
  await submitted.result;
  await until(async () => (await readExit(lab)) !== undefined, 90_000);
  await until(async () => !(await isAlive(lab)), 10_000);
  const exit = await readExit(lab);
  if (exit === undefined) throw new Error("the host wrote no exit");
  return exit;
}

describe.concurrent("a host whose driver never comes back", () => {
  it("ends the job at limits.time by itself, and the driver that comes later says so", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({ hosts: [{}], config: "tether: long\n", onTestFinished });
    const { reason, seconds } = await abandon(lab, endless("limits: { time: 15s }"));
    say(`limits.time 15 s with the driver dead: ${reason} after ${seconds} s`);
    expect(reason).toBe("time-limit");
    // The clock began when the machine was rented; the grace is 5 s and not needed.
    expect(seconds).toBeLessThanOrEqual(21);
    const saved = await lab
      .host(0)
      .exec(["sh", "-c", "cat /home/student/.gpujob/attempts/*/work/ckpt/saved"]);
    expect(saved.stdout).toBe("saved\n");
    const waited = await lab.run(["wait"]);
    expect(waited.code).toBe(118);
    const run = await lab.show();
    expect(run.failure?.kind).toBe("time_limit");
    expect(await readFile(join(run.outputFolder, "last"), "utf8")).toMatch(/^\d+/);
  });

  it("ends the job once the orphan time is over, and frees the reservation when its own time has come", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({
      hosts: [{}],
      timeouts: "orphan: 12s",
      config: "tether: long\n",
      onTestFinished,
    });
    const { reason, seconds } = await abandon(lab, endless(""));
    say(`orphan 12 s with the driver dead: ${reason} after ${seconds} s`);
    expect(["orphaned", "tether"]).toContain(reason);
    expect(seconds).toBeLessThanOrEqual(25);
    const left = await lab
      .host(0)
      .exec(["sh", "-c", "cat /tmp/gpujob/at-*/until; cat /proc/uptime"]);
    const [until_, uptime] = left.stdout.split("\n").map((line) => Number(line.split(/[ .]/)[0]));
    say(`reservation free ${(until_ ?? 0) - (uptime ?? 0)} s later`);
    // The reservation outlasts the job by what a driver may need to come back and collect, not for ever.
    expect((until_ ?? 0) - (uptime ?? 0)).toBeLessThanOrEqual(25 * 3600);
    const offers = await lab.run(["audit"]);
    say(offers.out);
  });

  it("freezes the job of a short tether and ends it frozen after the orphan time", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({
      hosts: [{}],
      timeouts: "orphan: 14s",
      config: "tether: short\n",
      onTestFinished,
    });
    const { reason, seconds } = await abandon(lab, endless(""));
    say(`short tether, orphan 14 s: ${reason} after ${seconds} s`);
    expect(reason).toBe("orphaned");
    const last = await lab
      .host(0)
      .exec(["sh", "-c", "cat /home/student/.gpujob/attempts/*/output/last; date +%s%3N"]);
    const [stoppedAt, now] = last.stdout.trim().split("\n").map(Number);
    // Frozen after 8 s: it wrote nothing in the seconds before its end.
    expect((now ?? 0) - (stoppedAt ?? 0)).toBeGreaterThan(4000);
  });
});

describe.concurrent("a rented machine whose driver never comes back", () => {
  it("ends the job where the budget ends, by itself", async ({ expect, onTestFinished }) => {
    const home = await mkdtemp(join(tmpdir(), "gpujob-hosts-"));
    onTestFinished(async () => {
      await runGpujob(["mock", "reset"], { home });
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    });
    await mkdir(join(home, "state"), { mode: 0o700 });
    // One CNY a second; 65 of them are kept back for the grace and for bringing outputs home.
    const config =
      "platforms:\n  cheap:\n    adapter: mock\n    boot: 1s\n    offers: [{ type: a, price: 3600 CNY/h, billing: { unit: 1s, minimum: 0s } }]\n";
    await writeFile(join(home, "state", "config.yaml"), config, { mode: 0o600 });
    await mkdir(join(home, "work"));
    await writeFile(join(home, "work", "job.yaml"), endless("limits: { budget: 85 CNY }"));
    const submitted = startGpujob(["submit", "job.yaml", "-y"], { home, cwd: join(home, "work") });
    // Late enough for the tether to have been moved: else its end and that of a limit fall together.
    await until(() => submitted.out().includes("step 6"), 60_000, submitted);
    submitted.kill("SIGKILL");
    await submitted.result;
    const find = async (): Promise<string | undefined> => {
      const names = await readdir(join(home, "state"), { recursive: true });
      return names.find((name) => name.endsWith("control/exit"));
    };
    await until(async () => (await find()) !== undefined, 60_000);
    const [, reason, , ended] = (
      await readFile(join(home, "state", (await find()) ?? ""), "utf8")
    ).split(" ");
    const meter = await runGpujob(["mock", "meter", "--json"], { home });
    const startedAt = Date.parse(/"startedAt":"([^"]+)"/.exec(meter.out)?.[1] ?? "");
    const spent = Number(ended) - startedAt / 1000;
    say(`budget 85 CNY with the driver dead: ${reason}, stopped at ${spent.toFixed(1)} CNY`);
    expect(reason).toBe("time-limit");
    expect(spent).toBeLessThanOrEqual(85 - 60);
    const waited = await runGpujob(["wait"], { home });
    expect(waited.code).toBe(117);
  });
});

describe.concurrent("a rented machine whose own power-off ends its bill", () => {
  it("is held for limits.hold after the last driver was there, and then ends itself", async ({
    expect,
    onTestFinished,
  }) => {
    const setup = `printf '#!/bin/sh\\necho "$(date +%%s) $*" >>/tmp/powered-off\\n' >/usr/local/bin/sudo; chmod 755 /usr/local/bin/sudo`;
    const lab = await openFaultLab({ hosts: [{ setup }], onTestFinished });
    const { host, port, hostKeyFingerprint } = lab.host(0);
    const machine = `{ ssh: "ssh -p ${port} student@${host}", key: ${join(lab.home, "key")}, hostKey: "${hostKeyFingerprint}", sheet: mornai/rtx4090, powerOff: ends }`;
    const config = `platforms:\n  rented: { adapter: rented, hosts: [${machine}] }\ntimeouts: { offers: 20s }\ntether: long\n`;
    await writeFile(join(lab.home, "state", "config.yaml"), config, { mode: 0o600 });
    const submitted = await lab.submit(
      "name: brief\nworkdir: .\nlimits: { hold: 15s }\nrun: |\n  for i in 1 2 3 4 5 6 7 8 9; do echo step $i; sleep 1; done\n",
    );
    // Late enough for the tether to have been moved: else its end and that of a limit fall together.
    await until(() => submitted.out().includes("step 6"), 60_000, submitted);
    submitted.kill("SIGKILL");
    await submitted.result;
    const poweredOff = async (): Promise<string> =>
      (await lab.host(0).exec(["sh", "-c", "cat /tmp/powered-off 2>/dev/null; true"])).stdout;
    await until(async () => (await poweredOff()) !== "", 120_000);
    const [, reason, , ended] = (
      await lab.host(0).exec(["sh", "-c", "cat /home/student/.gpujob/attempts/*/control/exit"])
    ).stdout.split(" ");
    const [at, ...command] = (await poweredOff()).trim().split(" ");
    const heldSeconds = Number(at) - Number(ended);
    say(
      `limits.hold 15 s with the driver dead: ${command.join(" ")} ${heldSeconds} s after the job`,
    );
    expect(reason).toBe("exited");
    expect(command.slice(0, 2)).toEqual(["-n", "shutdown"]);
    // Whole seconds on both sides; a busy computer makes it later, never sooner.
    expect(heldSeconds).toBeGreaterThanOrEqual(14);
    // Only a machine that nobody needs any more: its outputs had their time to be fetched.
    expect(await isAlive(lab)).toBe(false);
  });
});

describe.concurrent("a host", () => {
  it("ends a job whose log and cards are silent for longer than idle, and brings home what it was doing", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({ hosts: [{ setup: fakeNvidia("0, 100") }], onTestFinished });
    const submitted = await lab.submit(
      "name: stuck\nworkdir: .\nidle: 8s\nrun: |\n  echo begun; sleep 3600\n",
    );
    const { code, err } = await submitted.result;
    const run = await lab.show();
    say(`idle 8 s: exit ${code}, ${run.failure?.kind}: ${err.split("\n").at(-6)}`);
    expect(run.failure?.kind).toBe("stalled");
    expect(code).toBe(118);
    expect(await readFile(join(run.outputFolder, "gpujob-stacks.txt"), "utf8")).toContain(
      "sleep 3600",
    );
  });

  it("shows what its machine measured", async ({ expect, onTestFinished }) => {
    const lab = await openFaultLab({ hosts: [{ setup: fakeNvidia("87, 2048") }], onTestFinished });
    const submitted = await lab.submit(
      "name: busy\nworkdir: .\nrun: |\n  for i in $(seq 1 25); do echo step $i; sleep 1; done\n",
    );
    await until(() => submitted.out().includes("step 20"), 60_000, submitted);
    const { lastBeat } = await lab.show();
    const text = await lab.run(["show"]);
    say(`samples: ${JSON.stringify(lastBeat)} ${/Machine.*/.exec(text.out)?.[0]}`);
    expect(lastBeat).toMatchObject({ gpuPercent: 87, gpuMemoryGib: 2 });
    expect(lastBeat).toHaveProperty("cpuPercent");
    expect(lastBeat).toHaveProperty("memoryGib");
    expect(lastBeat).toHaveProperty("diskFreeGib");
    expect(text.out).toMatch(/Machine +GPU 87 %, CPU \d+ %, memory [\d.]+ GiB, disk free \d+ GiB/);
    await submitted.result;
  });

  it("with a lost card ends in failover; an error of the program on the card does not", async ({
    expect,
    onTestFinished,
  }) => {
    const outcomes = await Promise.all(
      [79, 13].map(async (xid) => {
        const lab = await openFaultLab({ hosts: [{}, {}], onTestFinished });
        const submitted = await lab.submit(
          "name: cuda\nworkdir: .\nrun: |\n  echo attempt $GPUJOB_ATTEMPT; sleep 4; [ $GPUJOB_ATTEMPT = 2 ] || exit 1\n",
        );
        await until(() => submitted.out().includes("attempt 1"), 60_000, submitted);
        await lab.host(0).exec(["sh", "-c", fakeDmesg(xid)]);
        const { code } = await submitted.result;
        const run = await lab.show();
        say(
          `Xid ${xid}: exit ${code}, ${run.attempts.length} attempts, ${run.attempts[0]?.reason}`,
        );
        return { code, attempts: run.attempts.length };
      }),
    );
    expect(outcomes).toEqual([
      { code: 0, attempts: 2 },
      { code: 1, attempts: 1 },
    ]);
  });
});

/** A vendor's tool that says one thing about use and memory in MiB. */
function fakeNvidia(use: string): string {
  const tool = `#!/bin/sh
case "$*" in *utilization*) echo '${use}' ;; *query-gpu*) echo '0, NVIDIA GeForce RTX 4090, 24564, 100, GPU-a' ;; esac
`;
  return `echo ${Buffer.from(tool).toString("base64")} | base64 -d >/usr/local/bin/nvidia-smi; chmod 755 /usr/local/bin/nvidia-smi`;
}

/** The kernel's log with an error of the driver now. */
function fakeDmesg(xid: number): string {
  return `read -r up _ </proc/uptime
printf '#!/bin/sh\\necho "[%s] NVRM: Xid (PCI:0000:01:00): ${xid}, pid=1, GPU has fallen off the bus."\\n' "$up" >/usr/local/bin/dmesg
chmod 755 /usr/local/bin/dmesg`;
}
