// A driver process with many runs at once: submits jobs of a folder that have no run yet and goes on with those that do.
// Words: the state folder, the folder of the jobs, how many of them.
import { createGpujob } from "@gpujob/sdk";
import { jobFile, jobName } from "./many-jobs.ts";

const [home = "", cwd = "", count = "0"] = process.argv.slice(2);
const gpujob = createGpujob({ home, cwd, environment: process.env });
const { signal } = new AbortController();
const runs = await gpujob.listRuns({ all: true });
process.stdout.write("up\n");
const wanted = Array.from({ length: Number(count) }, async (_, index) => {
  const known = runs.find(({ name }) => name === jobName(index));
  if (known === undefined) {
    const file = jobFile(index);
    const submitted = await gpujob.submit({ file, idempotencyKey: file }, { signal });
    await submitted.result;
  } else if (known.endedAt === null) await gpujob.drive(known.id, { signal });
});
await Promise.all(wanted);
await gpujob.close();
