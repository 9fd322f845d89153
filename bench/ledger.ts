import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Benchmark } from "./support/benchmark.ts";
import { inFolder, runGpujob, startGpujob, writeConfig } from "./support/gpujob.ts";

const units = ["1s", "7s", "1m", "1h"];

interface Cost {
  readonly data: {
    readonly lines: readonly {
      readonly leaseId: string;
      readonly kind: string;
      readonly from: string;
      readonly to: string;
      readonly billedSeconds: number;
      readonly amount: { readonly micros: number };
    }[];
  };
}

interface Meter {
  readonly data: {
    readonly machines: readonly {
      readonly leaseId: string;
      readonly startedAt: string;
      readonly endedAt: string | null;
      readonly billedSeconds: number;
      readonly amount: { readonly micros: number };
    }[];
  };
}

/** `gpujob cost` against `gpujob mock meter`: jobs in real time, some of them interrupted, on a market of four units. */
export const benchmark: Benchmark = {
  name: "ledger",
  run: () =>
    inFolder(async (home) => {
      await writeConfig(home, `platforms:\n${units.map(describePlatform).join("")}`);
      const job = "name: bench\nmarket: auto\nretry: { interruptions: 5 }\nrun: sleep 6\n";
      await writeFile(join(home, "job.yaml"), job);
      for (const index of units.keys()) {
        const argv = ["submit", "job.yaml", "-y", "--platform", `p${index}`];
        const { code, err } = await startGpujob(argv, { home }).result;
        if (code !== 0) throw new Error(`A run on p${index} ended with ${code}:\n${err}`);
      }
      const cost: Cost = JSON.parse(await runGpujob(["cost", "--json"], { home }));
      const meter: Meter = JSON.parse(await runGpujob(["mock", "meter", "--json"], { home }));
      const gaps = meter.data.machines.map((machine) => {
        const line = cost.data.lines.find(
          ({ leaseId, kind }) => leaseId === machine.leaseId && kind === "compute",
        );
        if (line === undefined || machine.endedAt === null) return Number.POSITIVE_INFINITY;
        const startGap = Math.abs(Date.parse(line.from) - Date.parse(machine.startedAt));
        const endGap = Math.abs(Date.parse(line.to) - Date.parse(machine.endedAt));
        return Math.max(startGap, endGap) / 1000;
      });
      const sum = (lines: readonly { readonly amount: { readonly micros: number } }[]): number =>
        lines.reduce((total, { amount }) => total + amount.micros, 0);
      const [ours, theirs] = [sum(cost.data.lines), sum(meter.data.machines)];
      return [
        {
          what: "ledger against the mock market's meter, the worst machine",
          value: gaps.length === 0 ? Number.NaN : Math.max(...gaps),
          unit: "s",
          limit: 1,
          side: "most",
          detail: `${gaps.length} machines, units ${units.join(", ")}, with an interruption each; together ${ours} against ${theirs} micros`,
        },
      ];
    }),
};

function describePlatform(unit: string, index: number): string {
  return `  p${index}:
    adapter: mock
    boot: 1s
    offers:
      - { type: a, price: 3.6 CNY/h, market: spot, billing: { unit: ${unit} } }
      - { type: b, price: 7.2 CNY/h, billing: { unit: ${unit} } }
    faults: [{ on: lease, nth: 1, after: 3s, do: die }]
`;
}
