// Measures the limits of the design; see scripts/bench.mjs for its options.
import { fork } from "node:child_process";
import { globSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Benchmark, BenchOptions, Line } from "./support/benchmark.ts";
import { formatValue, isMet } from "./support/benchmark.ts";
import { describeMachine } from "./support/machine.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    trials: { type: "string" },
    long: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    // Internal: a file for the report; why there are no real hosts; and to measure one and answer over IPC.
    report: { type: "string" },
    "no-containers": { type: "string" },
    child: { type: "string" },
  },
});

const options: BenchOptions = {
  isLong: values.long,
  ...(values.trials === undefined ? {} : { trials: Number(values.trials) }),
};
if (values.child === undefined) {
  process.exitCode = await measureAll().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  });
} else await measureOne(values.child);

/** In a process of its own, so that no benchmark's memory, timers or failure are another's. */
async function measureOne(name: string): Promise<void> {
  const benchmark = await load(name);
  process.send?.(JSON.stringify(await benchmark.run(options)));
  process.disconnect?.();
}

async function load(name: string): Promise<Benchmark> {
  const module: { readonly benchmark: Benchmark } = await import(`./${name}.ts`);
  return module.benchmark;
}

/** Measures one after the other and says so as it goes. Gives the exit code. */
async function measureAll(): Promise<number> {
  const names = chooseNames();
  const say = (text: string): void => {
    if (!values.json) process.stdout.write(`${text}\n`);
  };
  say(`${describeMachine()}; every ratio is measured side by side in this run.\n`);
  const lines: Line[] = [];
  for (const name of names) {
    const { needsContainers = false, obstacle: own } = await load(name);
    const obstacle = own?.() ?? (needsContainers ? values["no-containers"] : undefined);
    if (obstacle !== undefined) {
      say(`not measured: ${name} (${obstacle})`);
      continue;
    }
    const found = await measureInChild(name);
    lines.push(...found);
    for (const line of found) say(showLine(name, line));
  }
  const missed = lines.filter((line) => !isMet(line));
  say(`\n${lines.length - missed.length} of ${lines.length} limits kept.`);
  if (values.json)
    process.stdout.write(`${JSON.stringify({ machine: describeMachine(), lines })}\n`);
  if (values.report !== undefined) writeFileSync(values.report, JSON.stringify(makeReport(lines)));
  return missed.length === 0 ? 0 : 1;
}

/** Everything as text, for the page that scripts/bench.mjs writes. */
function makeReport(lines: readonly Line[]): unknown {
  return {
    machine: describeMachine(),
    lines: lines.map((line) => ({
      what: line.what,
      limit: showLimit(line),
      measured: formatValue(line.value, line.unit),
      isMet: isMet(line),
      detail: line.detail,
    })),
  };
}

function showLimit({ side, limit, unit }: Line): string {
  return `${side === "most" ? "≤" : "≥"} ${formatValue(limit, unit)}`;
}

function chooseNames(): readonly string[] {
  const all = globSync("*.ts", { cwd: import.meta.dirname })
    .map((file) => file.slice(0, -3))
    .filter((name) => name !== "main")
    .toSorted();
  const unknown = (values.only ?? []).filter((name) => !all.includes(name));
  if (unknown.length > 0)
    throw new Error(`No benchmark is called ${unknown.join(", ")}. There are: ${all.join(", ")}.`);
  return values.only ?? all;
}

function measureInChild(name: string): Promise<readonly Line[]> {
  const words = ["--child", name];
  if (values.long) words.push("--long");
  if (values.trials !== undefined) words.push("--trials", values.trials);
  const child = fork(import.meta.filename, words, { stdio: ["ignore", 2, 2, "ipc"] });
  return new Promise((settle) => {
    let found: readonly Line[] | undefined;
    child.on("message", (message: string) => {
      // Sent by `measureOne` alone.
      found = JSON.parse(message);
    });
    child.once("close", (code) => {
      const failed: Line = {
        what: `${name}: could not be measured (exit code ${code})`,
        value: Number.NaN,
        unit: "",
        limit: 0,
        side: "most",
        detail: "see the output",
      };
      // A value that is no number is `null` in JSON.
      const lines = found?.map((line) => ({ ...line, value: line.value ?? Number.NaN }));
      settle(lines ?? [failed]);
    });
  });
}

function showLine(name: string, line: Line): string {
  const verdict = isMet(line) ? "pass" : "MISS";
  const value = formatValue(line.value, line.unit);
  return `${verdict}  ${name}: ${line.what}: ${value} (${showLimit(line)})\n      ${line.detail}`;
}
