import type { Scenario } from "./crash-trial.ts";

/** Writes down its start beside all that gpujob knows, and whether another attempt was alive then. */
const witness = `echo "$GPUJOB_ATTEMPT.$GPUJOB_NODE_RANK" >> TRUTH/starts-NAME
old=$(cat "TRUTH/pid-NAME.$GPUJOB_NODE_RANK" 2>/dev/null || true)
if [ -n "$old" ] && kill -0 "$old" 2>/dev/null; then echo "$GPUJOB_ATTEMPT" >> TRUTH/doubles-NAME; fi
echo $$ > "TRUTH/pid-NAME.$GPUJOB_NODE_RANK"`;

/** A job file whose job bears witness to its starts; see `readRunFacts`. */
export function witnessedJob(name: string, script: string, more = ""): string {
  const lines = `${witness.replaceAll("NAME", name)}\n${script}`.split("\n");
  const text = lines.map((line) => `  ${line}\n`).join("");
  return `name: ${name}\n${more}run: |\n${text}`;
}

const oneCard = "resources: { gpu: RTX4090 }\n";

function market(offers: readonly string[], faults = "[]"): string {
  const list = offers.map((offer) => `{ gpu: "RTX4090:24GB:1", ${offer} }`);
  return `platforms:
  cheap:
    adapter: mock
    offers: [${list.join(", ")}]
    faults: ${faults}
`;
}

/** One machine, some log, one output, the job's own code. */
export const plainScenario: Scenario = {
  name: "plain",
  isSteady: true,
  config: market(["type: a, price: 3.6 CNY/h"]),
  job: witnessedJob(
    "plain",
    'echo one\necho 42 > "$GPUJOB_OUTPUT_DIR/answer"\nsleep 0.3\necho two\nexit 3',
    oneCard,
  ),
};

/** The first machine is taken back with a notice; the job saves itself and goes on on a second one. */
const interruptedScenario: Scenario = {
  name: "interrupted",
  isSteady: false,
  config: market(
    ["type: a, price: 3.6 CNY/h, market: spot", "type: b, price: 7.2 CNY/h, market: spot"],
    "[{ on: lease, nth: 1, after: 2s, do: interrupt, notice: 4s }]",
  ),
  job: witnessedJob(
    "interrupted",
    `mkdir -p ckpt
n=$(cat ckpt/n 2>/dev/null || echo 0)
while [ "$n" -lt 40 ]; do sleep 0.1; n=$((n + 1)); echo "$n" > ckpt/n.new; mv ckpt/n.new ckpt/n; done
while [ "$GPUJOB_ATTEMPT" = 1 ]; do sleep 1; done
echo "$n" > "$GPUJOB_OUTPUT_DIR/answer"
exit 4`,
    `${oneCard}market: spot\ncheckpoint: { path: ckpt, every: 1s, grace: 2s }\n`,
  ),
};

/** Two nodes with a set-up; the first that fails stops the other and gives the code. */
const gangScenario: Scenario = {
  name: "gang",
  isSteady: false,
  config: market(["type: a, price: 3.6 CNY/h"]),
  job: witnessedJob(
    "gang",
    `echo 42 > "$GPUJOB_OUTPUT_DIR/answer"
if [ "$GPUJOB_NODE_RANK" = 1 ]; then sleep 0.5; exit 5; fi
trap 'exit 0' TERM
sleep 60 & wait`,
    'resources: { gpu: RTX4090, nodes: 2 }\nsetup: "true"\n',
  ),
};

/** Ended by its time limit. */
const limitedScenario: Scenario = {
  name: "limited",
  isSteady: false,
  config: market(["type: a, price: 3.6 CNY/h"]),
  job: witnessedJob(
    "limited",
    `echo 42 > "$GPUJOB_OUTPUT_DIR/answer"\ntrap 'exit 0' TERM\nsleep 60 & wait`,
    `${oneCard}limits: { time: 20s }\n`,
  ),
};

export const scenarios: readonly Scenario[] = [
  plainScenario,
  interruptedScenario,
  gangScenario,
  limitedScenario,
];
