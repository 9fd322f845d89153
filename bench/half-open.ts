import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createRealClock } from "@gpujob/adapter-kit/testing";
import { openJournal } from "./support/journal.ts";
import { makeTestSsh } from "@gpujob/test/support/ssh-connector.ts";
import type { SshHost } from "@gpujob/test/support/ssh-hosts.ts";
import type { Benchmark } from "./support/benchmark.ts";
import { startGpujob } from "./support/gpujob.ts";
import type { Lab } from "./support/lab.ts";
import { withLab } from "./support/lab.ts";
import { describeTimes, median } from "./support/measure.ts";

const clock = createRealClock();
const job = `name: bench
checkpoint: { path: ckpt, every: 5s }
run: |
  mkdir -p ckpt; i=0
  while [ $i -lt 600 ]; do i=$((i + 1)); echo "step $i"; echo $i > ckpt/step; sleep 1; done
`;

/** A link that dies without a word: packets are dropped both ways, and no connection is ever closed. */
export const benchmark: Benchmark = {
  name: "half-open",
  needsContainers: true,
  run: async ({ trials = 2 }) => {
    const suspicions: number[] = [];
    const verdicts: number[] = [];
    for (let trial = 0; trial < trials; trial += 1) {
      await withLab(2, async (lab) => {
        const [used] = lab.hosts;
        if (used === undefined) throw new Error("There is no host.");
        suspicions.push(await measureSuspicion(lab, used));
        verdicts.push(await measureVerdict(lab, used));
      });
    }
    return [
      {
        what: "half-open link: until it is suspected",
        value: median(suspicions) / 1000,
        unit: "s",
        limit: 4,
        side: "most",
        detail: describeTimes("the connection's own word", suspicions),
      },
      {
        what: "half-open link: until the verdict on the host of a running job",
        value: median(verdicts) / 1000,
        unit: "s",
        limit: 7,
        side: "most",
        detail: describeTimes("host-silent in the journal", verdicts),
      },
    ];
  },
};

/** Milliseconds from the last packet to the word of suspicion in the log of the connection. */
async function measureSuspicion({ key }: Lab, host: SshHost): Promise<number> {
  const suspected = Promise.withResolvers<number>();
  const ssh = await makeTestSsh({
    ourKey: async () => key,
    log: (message) =>
      void (/suspect|silent|silence/i.test(message) && suspected.resolve(performance.now())),
  });
  const { signal } = new AbortController();
  const access = {
    kind: "ssh",
    host: host.host,
    port: host.port,
    user: "student",
    auth: { kind: "our-key" },
    hostKey: host.hostKeyFingerprint,
  } as const;
  const channel = await ssh.connect(access, { signal });
  await channel.exec(["true"], { signal }).exit;
  await host.dropPackets();
  const cutAt = performance.now();
  const late = clock.sleep(20_000, { signal }).then((): never => {
    throw new Error("No suspicion in 20 s.");
  });
  const seenAt = await Promise.race([suspected.promise, late]);
  await channel.close();
  await host.undropPackets();
  await ssh.remove();
  return seenAt - cutAt;
}

/** Milliseconds from the last packet to the verdict in the journal of a run. */
async function measureVerdict({ home }: Lab, host: SshHost): Promise<number> {
  await writeFile(join(home, "job.yaml"), job);
  const call = startGpujob(["submit", "job.yaml", "-y"], { home });
  await call.sees("step 12\n");
  await host.dropPackets();
  const cutAt = Date.now();
  const journal = await openJournal(home);
  try {
    return (await journal.next("host-silent")).at - cutAt;
  } finally {
    await journal.close();
    call.kill("SIGKILL");
    await call.result;
  }
}
