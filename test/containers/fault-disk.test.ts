import { readFile } from "node:fs/promises";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import { openFaultLab, say, until } from "../support/fault-lab.ts";
import type { FaultLab } from "../support/fault-lab.ts";
import { removeTestContainers } from "../support/ssh-hosts.ts";

afterAll(() => removeTestContainers());

/** A host whose folder for jobs is a small disk. */
function openSmallLab(
  disk: string,
  onTestFinished: (close: () => Promise<void>) => void,
  more: { readonly timeouts?: string } = {},
): Promise<FaultLab> {
  return openFaultLab({
    hosts: [{ mounts: true, tmpfs: { "/data": `${disk},mode=1777` } }],
    hostSettings: "root: /data/gpujob",
    onTestFinished,
    ...more,
  });
}

async function tell(lab: FaultLab, title: string, code: number | null, err: string): Promise<void> {
  const run = await lab.show();
  say(
    `${title}: exit ${code}, ${run.state}, ${run.failure?.kind}: ${run.failure?.message} ${run.failure?.hint ?? ""}\n${err}`,
  );
}

describe.concurrent("a small disk", () => {
  it("refuses an upload that does not fit, with both numbers, before the job begins", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openSmallLab("size=24m", onTestFinished);
    const bytes = Buffer.alloc(40 << 20, "z");
    bytes.write(String(Math.random()));
    await writeFile(join(lab.home, "big.bin"), bytes);
    const submitted = await lab.submit("name: big\nworkdir: .\nrun: echo never\n");
    const { code, err, out } = await submitted.result;
    await tell(lab, "upload larger than the disk", code, err);
    const run = await lab.show();
    expect(out).not.toContain("never");
    expect(run.failure?.kind).toBe("host_disk_full");
    expect(run.failure?.message).toMatch(/[\d.]+ MiB are needed, [\d.]+ MiB are free/);
    expect(code).toBe(120);
  });

  it("filled by the job ends it as host_disk_full, with its own code, outputs and log", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openSmallLab("size=24m", onTestFinished);
    const submitted = await lab.submit(
      `name: full\nworkdir: .\noutputs: [kept]\nrun: |\n  echo one > kept; echo begun\n  dd if=/dev/zero of=fill bs=64k count=2000 || { echo failed; exit 5; }\n`,
    );
    const { code, err, out } = await submitted.result;
    await tell(lab, "disk full", code, err);
    const run = await lab.show();
    expect(run.failure?.kind).toBe("host_disk_full");
    expect(run.failure?.hint).toMatch(/resources\.disk/);
    // Its own code, or that of the shell that was stopped in between: never ours, never success.
    expect([1, 5]).toContain(code);
    expect(out).toMatch(/begun/);
    expect(await readFile(join(run.outputFolder, "kept"), "utf8")).toBe("one\n");
  });

  it("without inodes left says the same", async ({ expect, onTestFinished }) => {
    const lab = await openSmallLab("size=64m,nr_inodes=2000", onTestFinished);
    const submitted = await lab.submit(
      `name: inodes\nworkdir: .\nrun: |\n  echo begun; i=0\n  while [ $i -lt 5000 ]; do i=$((i + 1)); echo $i > file-$i || exit 6; done\n`,
    );
    const { code, err } = await submitted.result;
    await tell(lab, "no inodes", code, err);
    const run = await lab.show();
    expect(run.failure?.kind).toBe("host_disk_full");
    expect([1, 6]).toContain(code);
  });

  it("that turns read-only under the job is no success, and the run says so in bounded time", async ({
    expect,
    onTestFinished,
  }) => {
    const lab = await openSmallLab("size=64m", onTestFinished, {
      timeouts: "unreachable: 20s",
    });
    const submitted = await lab.submit(
      `name: read-only\nworkdir: .\noutputs: [result]\nrun: |\n  echo begun; sleep 6; echo more; echo 1 > result; sleep 2\n`,
    );
    await until(() => submitted.out().includes("begun"), 60_000, submitted);
    await lab.host(0).remountReadOnly("/data");
    const { code, err, out } = await submitted.result;
    await tell(lab, "read-only disk", code, err);
    const run = await lab.show();
    expect(run.failure?.kind).toBe("host_disk_full");
    expect(code).toBe(255);
    expect(out).toMatch(/^begun\n/);
  });
});
