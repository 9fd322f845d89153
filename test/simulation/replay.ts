import { makeScenario } from "./make-scenario.ts";
import { mutants } from "./mutants.ts";
import { playScenario, shrinkScenario } from "./run-histories.ts";

/** The timeline of one seed, line by line; with `isShrunk` of the smallest scenario that fails in the same way. */
export async function replay(options: {
  readonly seed: number;
  readonly mutant?: string;
  readonly isShrunk: boolean;
  readonly print: (line: string) => void;
}): Promise<{ readonly violations: number }> {
  const { print } = options;
  const mutant = mutants.find(({ name }) => name === options.mutant);
  const whole = makeScenario(options.seed);
  const scenario = options.isShrunk ? await shrinkScenario(whole, mutant) : whole;
  const { faults, ...rest } = scenario;
  print(JSON.stringify(rest));
  print(`${faults.length} faults:`);
  for (const fault of faults) print(`  ${JSON.stringify(fault)}`);
  const violations = await playScenario(scenario, {
    ...(mutant === undefined ? {} : { mutant }),
    trace: (atMs, line) => print(`${(atMs / 1000).toFixed(3).padStart(10)} ${line}`),
  });
  for (const { kind, what } of violations) print(`${kind}: ${what}`);
  print(violations.length === 0 ? "No promise was broken." : `${violations.length} broken.`);
  return { violations: violations.length };
}
