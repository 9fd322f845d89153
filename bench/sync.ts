import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createRealClock } from "@gpujob/adapter-kit/testing";
import { openHost, scanFolder } from "@gpujob/host";
import type { HostAttempt, HostSession } from "@gpujob/spec";
import type { TestSsh } from "@gpujob/test/support/ssh-connector.ts";
import { makeTestSsh } from "@gpujob/test/support/ssh-connector.ts";
import type { SshHost } from "@gpujob/test/support/ssh-hosts.ts";
import type { Benchmark, Line } from "./support/benchmark.ts";
import { runProgram, until } from "./support/gpujob.ts";
import type { Lab } from "./support/lab.ts";
import { withLab } from "./support/lab.ts";
import { openSlowLink } from "./support/slow-link.ts";
import { describeTimes, median, ratioOf, sideBySide, timeOf } from "./support/measure.ts";

const clock = createRealClock();
const treeFiles = 10_000;
const changedFiles = 10;
const bigBytes = 1 << 30;
const roundTripMs = 80;

/**
 * A folder on its way to a machine, against `rsync -a -e ssh`. Both sides begin with nothing but the folder: each makes
 * its connection, looks at the files, sends, and ends when the work tree is ready.
 */
export const benchmark: Benchmark = {
  name: "sync",
  needsContainers: true,
  run: ({ trials = 3 }) =>
    withLab(1, async (lab) => {
      const [host] = lab.hosts;
      if (host === undefined) throw new Error("There is no host.");
      const ssh = await makeTestSsh({ ourKey: async () => lab.key });
      try {
        const near = await measureAll(makeSides(lab, host, host, ssh), { lab, trials, where: "" });
        const link = await openSlowLink(host, roundTripMs);
        const far = await measureAll(
          makeSides(lab, host, { host: "127.0.0.1", port: link.port }, ssh),
          {
            lab,
            trials: Math.max(1, Math.floor(trials / 3)),
            where: ` at ${roundTripMs} ms round trip`,
          },
        );
        link.close();
        return [...near, ...far];
      } finally {
        await ssh.remove();
      }
    }),
};

interface Side {
  /** Brings a folder to a place of this name on the host, where nothing is yet or what an earlier call has put there. */
  readonly send: (folder: string, place: string, run: number) => Promise<void>;
  /** How long each connection took so far, where that is known, in milliseconds. */
  readonly connects: number[];
}

interface Sides extends Readonly<Record<"gpujob" | "rsync", Side>> {
  readonly clean: () => Promise<void>;
  /** Waits until the host has filled its store and made the next work folder in advance, as it does while a job runs. */
  readonly rest: (place: string) => Promise<void>;
}

/** Where a host is reached, which need not be the host itself. */
interface Door {
  readonly host: string;
  readonly port: number;
}

function makeSides(lab: Lab, host: SshHost, door: Door, ssh: TestSsh): Sides {
  const words = lab.sshWords({ ...door, hostKey: host.hostKey });
  const connects: number[] = [];
  return {
    rsync: {
      connects: [],
      send: async (folder, place) => {
        const target = `student@${door.host}:rsync-${place}/`;
        await runProgram(["rsync", "-a", "-e", words.join(" "), `${folder}/`, target], {
          timeoutMs: 600_000,
        });
      },
    },
    gpujob: {
      send: (folder, place, run) =>
        sendByUs(lab, { ...door, hostKey: host.hostKeyFingerprint }, ssh, {
          folder,
          place,
          run,
          connects,
        }),
      connects,
    },
    rest: (place) => {
      const script = `cd /home/student/gpujob-${place} && [ ! -e spare/maker ] && ls -d store/[0-9]*`;
      const isThere = async (): Promise<boolean> =>
        (await host.exec(["sh", "-c", script])).exitCode === 0;
      return until(isThere, "A filled store", 180_000);
    },
    clean: async () =>
      void (await host.exec(["sh", "-c", "rm -rf /home/student/rsync-* /home/student/gpujob-*"])),
  };
}

/**
 * A new run, so a new work folder, with the store, the stat cache and the lists of the run before. The folder is looked
 * through while the connection is made, and the host gets ready meanwhile, as the driver does it too.
 */
async function sendByUs(
  lab: Lab,
  door: Door & { readonly hostKey: string },
  ssh: TestSsh,
  {
    folder,
    place,
    run,
    connects,
  }: {
    readonly folder: string;
    readonly place: string;
    readonly run: number;
    readonly connects: number[];
  },
): Promise<void> {
  const { signal } = new AbortController();
  const access = {
    kind: "ssh",
    ...door,
    user: "student",
    auth: { kind: "our-key" },
  } as const;
  const newId = (): string => randomBytes(6).toString("hex");
  const root = `~/gpujob-${place}`;
  const startedAt = performance.now();
  const connecting = ssh.connect(access, { signal });
  const connected = connecting.then(() => void connects.push(performance.now() - startedAt));
  const session: HostSession = openHost(() => connecting, {
    clock,
    newId,
    root,
    knownTrees: join(lab.home, "trees"),
  });
  try {
    const statCachePath = join(lab.home, `stat-cache-${place}`);
    const scan = scanFolder(folder, { clock, signal, statCachePath });
    const attempt: HostAttempt = { runId: `r-bench${run}`, attempt: 1, rank: 0, epoch: 1 };
    const files = scan.then((found) => found.files);
    await session.upload(attempt, files, { signal });
    await connected;
  } finally {
    await session.close();
  }
}

async function measureAll(
  sides: Sides,
  { lab, trials, where }: { readonly lab: Lab; readonly trials: number; readonly where: string },
): Promise<readonly Line[]> {
  const tree = join(lab.home, `tree${where}`);
  const big = join(lab.home, `big${where}`);
  await writeTree(tree);
  // Nobody is measured while the host still tidies up behind the other.
  const timed = async (place: string, folder: string): Promise<number> => {
    const tookMs = await timeOf(() => sides.gpujob.send(folder, place, 0));
    await sides.rest(place);
    return tookMs;
  };
  const first = await sideBySide(trials, {
    gpujob: (round) => timed(`first-${round}`, tree),
    rsync: (round) => sides.rsync.send(tree, `first-${round}`, 0),
  });
  await sides.clean();
  // A tree for each, so that neither finds what was changed for the other.
  const other = `${tree} of rsync`;
  await writeTree(other);
  await timed("again", tree);
  await sides.rsync.send(other, "again", 0);
  const change = async (folder: string, send: () => Promise<void>): Promise<number> => {
    await changeTree(folder);
    const startedAt = performance.now();
    await send();
    return performance.now() - startedAt;
  };
  const again = await sideBySide(trials * 2, {
    gpujob: async (round) => {
      const tookMs = await change(tree, () => sides.gpujob.send(tree, "again", round + 1));
      await sides.rest("again");
      return tookMs;
    },
    rsync: () => change(other, () => sides.rsync.send(other, "again", 0)),
  });
  await sides.clean();
  await writeBig(big);
  const whole = await sideBySide(where === "" ? trials : 1, {
    gpujob: async (round) => {
      const tookMs = await timed(`big-${round}`, big);
      await sides.clean();
      return tookMs;
    },
    rsync: async (round) => {
      const tookMs = await timeOf(() => sides.rsync.send(big, `big-${round}`, 0));
      await sides.clean();
      return tookMs;
    },
  });
  return [
    {
      ...faster(`re-sync of ${changedFiles} changed of 10,000 files${where}`, again),
      value: ratioOf(again.rsync, again.gpujob),
      detail: `${describeTimes("gpujob", again.gpujob)}, ${median(sides.gpujob.connects).toFixed(0)} ms of it to connect; ${describeTimes("rsync", again.rsync)}`,
      limit: 3,
      side: "least",
    },
    { ...faster(`first sync of 10,000 files${where}`, first), limit: 1.1 },
    { ...faster(`one 1 GiB file${where}`, whole), limit: 1.2 },
  ];
}

function faster(
  what: string,
  times: Readonly<Record<"gpujob" | "rsync", readonly number[]>>,
): Line {
  return {
    what: `${what}, until the work tree is ready, against rsync`,
    value: ratioOf(times.gpujob, times.rsync),
    unit: "x",
    limit: 1,
    side: "most",
    detail: `${describeTimes("gpujob", times.gpujob)}; ${describeTimes("rsync", times.rsync)}`,
  };
}

/** Source files of some KiB, a hundred to a folder; no two alike. */
async function writeTree(folder: string): Promise<void> {
  for (let index = 0; index < treeFiles; index += 1) {
    const place = join(folder, `package-${Math.floor(index / 100)}`);
    if (index % 100 === 0) await mkdir(place, { recursive: true });
    await writeFile(join(place, `file-${index}.py`), `${index}\n${"x = 1  # text\n".repeat(250)}`);
  }
}

async function changeTree(folder: string): Promise<void> {
  for (let count = 0; count < changedFiles; count += 1) {
    const index = Math.floor(Math.random() * treeFiles);
    const path = join(folder, `package-${Math.floor(index / 100)}`, `file-${index}.py`);
    await writeFile(path, `${index} ${Math.random()}\n${"y = 2  # text\n".repeat(250)}`);
  }
}

async function writeBig(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const piece = randomBytes(1 << 24);
  await writeFile(
    join(folder, "weights.bin"),
    (function* () {
      for (let written = 0; written < bigBytes; written += piece.length) {
        piece.writeUInt32LE(written / piece.length, 0);
        yield Buffer.from(piece);
      }
    })(),
  );
}
