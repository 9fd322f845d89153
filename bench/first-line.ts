import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Benchmark } from "./support/benchmark.ts";
import { startGpujob, startProgram } from "./support/gpujob.ts";
import { withLab } from "./support/lab.ts";
import { describeTimes, ratioOf, sideBySide } from "./support/measure.ts";

const files = 100;

/** From the command to the job's first line, on a host that is used every day: one file was edited since the last run. */
export const benchmark: Benchmark = {
  name: "first-line",
  needsContainers: true,
  run: ({ trials = 9 }) =>
    withLab(1, async ({ home, hosts: [host], sshWords }) => {
      if (host === undefined) throw new Error("There is no host.");
      const work = join(home, "work");
      await writeWork(work);
      const ssh = sshWords(host);
      const place = `student@${host.host}`;
      const run = "sh train.sh";
      const byHand = [
        `rsync -a -e '${ssh.join(" ")}' ${work}/ ${place}:work/`,
        `${ssh.join(" ")} ${place} 'cd work && ${run}'`,
      ].join(" && ");
      const job = `name: bench\nworkdir: .\nrun: ${run}\n`;
      await writeFile(join(work, "job.yaml"), job);

      const edit = (round: number): Promise<void> =>
        writeFile(join(work, "train.sh"), `# ${round} ${Math.random()}\necho the first line\n`);
      const actions = {
        gpujob: async (round: number) => {
          await edit(round);
          return untilFirstLine(() =>
            startGpujob(["submit", "job.yaml", "-y"], { home, cwd: work }),
          );
        },
        hand: async (round: number) => {
          await edit(round);
          return untilFirstLine(() => startProgram(["sh", "-c", byHand], { cwd: work }));
        },
      };
      await sideBySide(2, actions);
      const times = await sideBySide(trials, actions);
      return [
        {
          what: "submit to first log line on a ready SSH host, against rsync and ssh by hand",
          value: ratioOf(times.gpujob, times.hand),
          unit: "x",
          limit: 1.3,
          side: "most",
          detail: `${describeTimes("gpujob", times.gpujob)}; ${describeTimes("by hand", times.hand)}`,
        },
      ];
    }),
};

async function untilFirstLine(start: () => ReturnType<typeof startProgram>): Promise<number> {
  const startedAt = performance.now();
  const call = start();
  const seenAt = await call.sees("the first line");
  const { code, err } = await call.result;
  if (code !== 0) throw new Error(`The job ended with ${code}:\n${err}`);
  return seenAt - startedAt;
}

async function writeWork(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let index = 0; index < files; index += 1) {
    await writeFile(join(folder, `module-${index}.py`), `# ${index}\n`.repeat(500));
  }
}
