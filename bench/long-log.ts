import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SshHost } from "@gpujob/test/support/ssh-hosts.ts";
import type { Benchmark } from "./support/benchmark.ts";
import { startGpujob } from "./support/gpujob.ts";
import { withLab } from "./support/lab.ts";

/** 100,000 lines of 61 bytes each. */
const bytesPerBurst = 6_100_000;

/** What is sent, for how long, and through how many cut links. */
interface Size {
  readonly bursts: number;
  readonly pauseSeconds: number;
  readonly cuts: number;
}

const short: Size = { bursts: 17, pauseSeconds: 1, cuts: 5 };
const long: Size = { bursts: 164, pauseSeconds: 3, cuts: 100 };

/** A log through links that are cut again and again: bytes that did not come home, or came twice. */
export const benchmark: Benchmark = {
  name: "long-log",
  needsContainers: true,
  run: ({ isLong }) => {
    const size = isLong ? long : short;
    return withLab(1, ({ home, hosts: [host] }) => measure(size, home, host), { image: "busybox" });
  },
};

async function measure(
  size: Size,
  home: string,
  host: SshHost | undefined,
): ReturnType<Benchmark["run"]> {
  if (host === undefined) throw new Error("There is no host.");
  await writeFile(join(home, "job.yaml"), makeJob(size));
  const startedAt = performance.now();
  // A gigabyte has no place in memory.
  const call = startGpujob(["submit", "job.yaml", "-y"], {
    home,
    timeoutMs: 1_500_000,
    keepBytes: 1 << 20,
  });
  const received = createHash("sha256");
  let bytes = 0;
  call.onOut((chunk) => {
    received.update(chunk);
    bytes += chunk.length;
  });
  const over = new AbortController();
  void call.result.then(() => over.abort());
  await call.sees("0000\n");
  const everyMs = (size.bursts * size.pauseSeconds * 1000) / size.cuts;
  let cuts = 0;
  while (cuts < size.cuts && !over.signal.aborted) {
    await new Promise((done) => setTimeout(done, everyMs));
    await host.exec(["sh", "-c", cutConnections]);
    cuts += 1;
  }
  const { code, err } = await call.result;
  const seconds = (performance.now() - startedAt) / 1000;
  const isSame = received.digest("hex") === hashOfLog(size);
  if (code !== 7) throw new Error(`The job ended with ${code}, not with its own 7:\n${err}`);
  const wanted = size.bursts * bytesPerBurst;
  const megabytes = Math.round(wanted / 1e6);
  return [
    {
      what: `log of ${megabytes} MB through ${cuts} killed connections: bytes missing, repeated or changed`,
      value: isSame ? 0 : Math.max(1, Math.abs(wanted - bytes)),
      unit: "",
      limit: 0,
      side: "most",
      detail: `${bytes} bytes in ${seconds.toFixed(0)} s, compared by SHA-256; the job's exit code 7 came through`,
    },
  ];
}

function makeJob({ bursts, pauseSeconds }: Size): string {
  return `name: bench
run: |
  i=0; while [ $i -lt ${bursts} ]; do
    awk -v from=$((i * 100000)) 'BEGIN { for (n = 0; n < 100000; n++) printf "%060d\\n", from + n }'
    i=$((i + 1)); sleep ${pauseSeconds}
  done
  exit 7
`;
}

function hashOfLog({ bursts }: Size): string {
  const hash = createHash("sha256");
  for (let line = 0; line < bursts * 100_000; line += 1)
    hash.update(`${String(line).padStart(60, "0")}\n`);
  return hash.digest("hex");
}

/** Ends every connection of the user, and nothing else of what runs there. */
const cutConnections = `for each in /proc/[0-9]*; do
  case "$(tr '\\0' ' ' < $each/cmdline 2>/dev/null)" in *"sshd: student"*|*"sshd-session: student"*) kill -9 "\${each#/proc/}" ;; esac
done; true`;
