import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import { readPeakMemoryMib } from "../support/process-memory.ts";
import { isLongRun, openFaultLab, say, until } from "../support/fault-lab.ts";
import type { FaultLab } from "../support/fault-lab.ts";
import { removeTestContainers } from "../support/ssh-hosts.ts";

afterAll(() => removeTestContainers());

/** The stored log of the first attempt's first node, as it came. */
async function findLog(lab: FaultLab, id: string): Promise<string> {
  const folder = join(lab.home, "state");
  const names = await readdir(folder, { recursive: true });
  const found = names.find((name) => name.includes(id) && /log/.test(name) && /1/.test(name));
  if (found === undefined) throw new Error(`no log among ${names.join(" ")}`);
  return join(folder, found);
}

async function hashOf(path: string): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  const chunks: AsyncIterable<Buffer> = createReadStream(path);
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}

async function countAlive(lab: FaultLab): Promise<number> {
  const { stdout } = await lab.host(0).exec(["sh", "-c", "ps -eo args | grep -c '[s]leep 98765'"]);
  return Number(stdout);
}

/** Daemons that left session, group and parent, and a job that hears no signal. */
const stubborn = `name: stubborn
workdir: .
run: |
  trap '' TERM INT HUP
  setsid sh -c 'trap "" TERM HUP; sleep 98765' &
  ( ( setsid nohup sh -c 'trap "" TERM HUP; while :; do sleep 98765; done' >/dev/null 2>&1 & ) & )
  python3 -c 'import os; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); os.execvp("sleep", ["sleep", "98765"])'
  echo ready
  while :; do sleep 98765; done
`;

describe.concurrent("a job", () => {
  it("that forks daemons and hears no signal leaves nothing alive 30 s after its stop", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({ hosts: [{}], onTestFinished });
    const submitted = await lab.submit(stubborn);
    await until(() => submitted.out().includes("ready"), 60_000, submitted);
    const before = await countAlive(lab);
    const stopped = await lab.run(["stop", "--all", "--now"]);
    const tookMs = await until(async () => (await countAlive(lab)) === 0, 35_000);
    const { code } = await submitted.result;
    const left = await countAlive(lab);
    say(
      `stubborn job: ${before} processes, ${left} left after ${tookMs} ms; exit ${code} ${stopped.err}`,
    );
    expect(before).toBeGreaterThanOrEqual(4);
    expect(left).toBe(0);
    expect(code).toBe(130);
  });

  it("killed for lack of memory ends as out_of_memory with advice, and is not tried again", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({ hosts: [{ memoryLimit: 0.25 }], onTestFinished });
    const submitted = await lab.submit(
      `name: greedy\nworkdir: .\nretry: { failures: 3 }\nrun: python3 -c 'x = bytearray(700000000)'\n`,
    );
    const { code, err } = await submitted.result;
    const run = await lab.show();
    say(
      `out of memory: exit ${code}, ${run.failure?.kind}: ${run.failure?.message} ${run.failure?.hint}`,
    );
    expect(run.failure?.kind).toBe("out_of_memory");
    expect(run.failure?.hint).toMatch(/memory/);
    expect(err).toMatch(/memory/);
    expect(run.attempts).toHaveLength(1);
    expect(code).toBe(137);
  });

  it("that floods its log is taken whole, byte for byte, in bounded memory on both sides", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({ hosts: [{}], onTestFinished });
    const mib = isLongRun ? 2000 : 300;
    const submitted = await lab.submit(
      `name: flood\nworkdir: .\nrun: |\n  echo go; sleep 2\n  head -c ${mib}M /dev/zero | tr '\\0' 'x' | fold -w 99\n`,
      ["-d"],
    );
    const { out, err } = await submitted.result;
    if (!out.startsWith("r-")) throw new Error(err);
    const waiting = lab.run(["wait"], 240_000);
    const peak = await readPeakMemoryMib(lab, waiting);
    expect((await waiting).code).toBe(0);
    const { bytes } = await hashOf(await findLog(lab, out.trim()));
    const lines = Math.ceil((mib * 1024 * 1024) / 99);
    say(`flood of ${mib} MiB: driver at most ${peak.driver} MiB, host at most ${peak.host} MiB`);
    expect(bytes).toBe(3 + mib * 1024 * 1024 + lines - 1);
    expect(peak.driver).toBeLessThan(300);
    expect(peak.host).toBeLessThan(100);
  });

  it("that prints one huge line, binary and invalid UTF-8 is kept byte for byte", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({ hosts: [{}], onTestFinished });
    const mib = isLongRun ? 1024 : 100;
    const submitted = await lab.submit(
      `name: line\nworkdir: .\nrun: |
  head -c ${mib}M /dev/zero | tr '\\0' 'y'
  printf '\\377\\376\\0\\033]52;c;AAAA\\007\\303(\\n'
  head -c 1M /dev/urandom | tee "$GPUJOB_OUTPUT_DIR/random"
`,
      ["-d"],
    );
    const { out, err } = await submitted.result;
    if (!out.startsWith("r-")) throw new Error(err);
    const waiting = lab.run(["wait"], 240_000);
    const peak = await readPeakMemoryMib(lab, waiting);
    expect((await waiting).code).toBe(0);
    const run = await lab.show();
    const wanted = createHash("sha256");
    const block = Buffer.alloc(1 << 20, "y");
    for (let index = 0; index < mib; index += 1) wanted.update(block);
    wanted.update(
      Buffer.from(
        "ff fe 00 1b 5d 35 32 3b 63 3b 41 41 41 41 07 c3 28 0a".replaceAll(" ", ""),
        "hex",
      ),
    );
    wanted.update(await readFile(join(run.outputFolder, "random")));
    const { sha256 } = await hashOf(await findLog(lab, out.trim()));
    say(`one line of ${mib} MiB: driver at most ${peak.driver} MiB, host at most ${peak.host} MiB`);
    expect(sha256).toBe(wanted.digest("hex"));
    expect(peak.driver).toBeLessThan(300);
    expect(peak.host).toBeLessThan(100);
  });

  it("runs on a host whose home is read-only where another folder is named, and else hears that", async ({
    expect,
    onTestFinished,
  }) => {
    const hosts = [{ setup: "chmod 555 /home/student" }];
    const refused = await openFaultLab({ hosts, timeouts: "boot: 20s", onTestFinished });
    const told = await (await refused.submit("name: homeless\nrun: echo hello\n")).result;
    say(`read-only home: ${told.code} ${told.err}`);
    expect(told.code).not.toBe(0);
    expect(told.err).toMatch(/\/home\/student\/\.gpujob cannot be written/);
    expect(told.err).toContain("`root:`");
    const hostSettings = "root: /var/tmp/gpujob-student";
    const lab = await openFaultLab({ hosts, hostSettings, onTestFinished });
    const { code, out } = await (await lab.submit("name: homeless\nrun: echo hello\n")).result;
    expect({ code, out }).toEqual({ code: 0, out: "hello\n" });
  });

  it("lives its whole life on a host with busybox only: checkpoint, stop, outputs, and again from there", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openFaultLab({ hosts: [{ image: "busybox" }], onTestFinished });
    const submitted = await lab.submit(`name: small
workdir: .
outputs: ["result/**"]
checkpoint: { path: ckpt, every: 2s, grace: 10s }
run: |
  mkdir -p ckpt result; i=$(cat ckpt/step 2>/dev/null || echo 0)
  echo "begin at $i, resumed=$GPUJOB_RESUME"
  trap 'echo saving; echo "$i" >ckpt/step; echo saved >result/saved; exit 0' TERM
  while [ "$i" -lt 12 ]; do
    i=$((i + 1)); echo "step $i"; echo "$i" >ckpt/new; mv ckpt/new ckpt/step; sleep 1
  done
  echo done >result/end
`);
    await until(() => submitted.out().includes("step 5"), 60_000, submitted);
    const stopped = await lab.run(["stop", "--all"]);
    const first = await submitted.result;
    const run = await lab.show();
    expect(first.code).toBe(130);
    expect(first.out).toContain("saving");
    expect(await readFile(join(run.outputFolder, "result/saved"), "utf8")).toBe("saved\n");
    const again = await lab.run(["retry", run.id, "-y"], 90_000);
    say(`busybox: ${stopped.code}; again: ${again.code} ${again.out.split("\n")[0]} ${again.err}`);
    expect(again.code).toBe(0);
    expect(again.out).toMatch(/begin at [5-9], resumed=1/);
    const second = await lab.show();
    expect(await readFile(join(second.outputFolder, "result/end"), "utf8")).toBe("done\n");
  });
});
