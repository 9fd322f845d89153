// Runs one job through the library, on a simulated market: node run-job.ts [FOLDER for the outputs]
import { join } from "node:path";
import { createGpujob, exitCodeOf } from "@gpujob/sdk";
import type { RunEvent } from "@gpujob/sdk";

const folder = import.meta.dirname;
const gpujob = createGpujob({
  cwd: folder,
  // State of its own, so that this example touches nothing of yours.
  home: process.env["GPUJOB_HOME"] ?? join(folder, ".state"),
});
const { signal } = new AbortController();

/** A job is the job file's keys as an object; `{ file: "train.yaml" }` would do as well. */
const job = {
  name: "from-code",
  resources: { gpu: "RTX4090:24GB:1" },
  run: 'echo "hello from $GPUJOB_PLATFORM" | tee "$GPUJOB_OUTPUT_DIR/hello.txt"',
  expectedTime: "1m",
  limits: { budget: "1 CNY", time: "10m" },
};

function show(event: RunEvent): void {
  if (event.type === "log") process.stdout.write(event.bytes);
  if (event.type === "state") console.error(`${event.state}: ${event.message}`);
}

try {
  const plan = await gpujob.plan({ job }, { signal });
  const [best] = plan.candidates;
  console.error(
    `${plan.candidates.length} offers fit; ${best?.platform} is first: ${best?.reason}`,
  );

  const run = await gpujob.submit(
    { job, output: process.argv[2] ?? join(folder, "outputs") },
    { signal },
  );
  for await (const event of run.events) show(event);
  const end = await run.result;

  const { total } = await gpujob.cost({ run: run.id });
  console.error(
    `${end.state}, ${total.micros / 1e6} ${total.currency}, outputs: ${end.outputs.join(", ")}`,
  );
  // The job's own code; where it has none, the code that the command would end with.
  process.exitCode = end.exitCode ?? (end.failure === undefined ? 1 : exitCodeOf(end.failure.kind));
} finally {
  await gpujob.close();
}
