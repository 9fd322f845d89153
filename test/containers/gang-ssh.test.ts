import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, onTestFinished } from "vitest";
import { openFaultLab } from "../support/fault-lab.ts";

/** The first node reaches all three by name, by address and by what builds on ssh; the others are done at once. */
const job = `name: gang
resources: { gpu: RTX4090, nodes: 3 }
run: |
  [ "$GPUJOB_NODE_RANK" = 0 ] || exit 0
  # Long enough for the others to have ended: their doors stay open for the run.
  sleep 5
  for node in node-0 node-1 node-2 $(cut -d" " -f1 "$GPUJOB_HOSTFILE"); do
    ssh -n "$node" 'echo "reached $(hostname)"'
  done
  echo hello >letter
  scp -q letter node-1:/tmp/letter
  rsync -a letter node-2:/tmp/letter
  ssh -n node-1 cat /tmp/letter
  ssh -n node-2 cat /tmp/letter
outputs: []
`;

describe("the nodes of a gang", () => {
  it("reach each other by SSH without being told how, and no longer once the run is over", async ({
    expect,
  }) => {
    const lab = await openFaultLab({ hosts: [{}, {}, {}], onTestFinished });
    // Declared alike, so that one offer has them all.
    const config = join(lab.home, "state", "config.yaml");
    const alike = 'gpu: "RTX4090:24GB:1", price: 1 CNY/h';
    const text = await readFile(config, "utf8");
    await writeFile(config, text.replaceAll(/price: \d+ CNY\/h/g, alike));
    // The last line of the user's own ends without a newline, as editors leave it.
    const own = lab.hosts.map((host) =>
      host.exec(["sh", "-c", "printf '# my own' >>/home/student/.ssh/authorized_keys"]),
    );
    await Promise.all(own);
    const keys = (): Promise<readonly string[]> =>
      Promise.all(
        lab.hosts.map(async (host) => {
          const path = "/home/student/.ssh/authorized_keys";
          return (await host.exec(["sh", "-c", `cat ${path}; stat -c %a:%U ${path}`])).stdout;
        }),
      );
    const before = await keys();
    const call = await lab.submit(job);
    const { code, out, err } = await call.result;
    expect({ code, err }).toMatchObject({ code: 0 });
    const names = await Promise.all(
      lab.hosts.map(async (host) => (await host.exec(["hostname"])).stdout.trim()),
    );
    for (const name of names) expect(out.split(`reached ${name}`)).toHaveLength(3);
    expect(out.split("hello")).toHaveLength(3);
    // As it was, but for the newline at its end.
    const whole = before.map((keyFile) => keyFile.replace("# my own", "# my own\n"));
    expect(await keys()).toEqual(whole);
    const left = await lab.host(1).exec(["sh", "-c", "find / -xdev -name 'gang-key*' 2>/dev/null"]);
    expect(left.stdout).toBe("");
  });
});
