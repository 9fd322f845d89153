import { defineCommand } from "../definition.ts";
import { booleanFlag, countFlag, listFlag, usage, valueFlag } from "../flags.ts";
import { present } from "../present.ts";
import { renderMeter } from "../render/places.ts";
import { serveMock } from "../run/serve-mock.ts";

/** Looks at the simulated markets, serves one, makes things go wrong in it. */
export const mock = defineCommand({
  name: "mock",
  summary: "Simulated markets: their meter, serve one over HTTP, add a fault, end everything",
  description:
    "serve answers on this computer alone until Ctrl-C and prints the configuration that reaches it. Machines outlive it.",
  examples: [
    "gpujob mock meter",
    "gpujob mock serve --port 8080 --random 0.1",
    'gpujob mock fault cheap "{ on: create, nth: 1, do: lose-reply }"',
    "gpujob mock fault cheap --clear",
    "gpujob mock reset",
  ],
  args: {
    action: {
      summary: "What to do",
      required: true,
      options: ["meter", "serve", "fault", "reset"],
    },
    platform: { summary: "Market, for serve and fault; serve has one of its own" },
    fault: { summary: "For fault: as in the configuration; nth counts from now" },
  },
  flags: {
    port: countFlag("For serve: this port; default a free one", 0),
    fault: listFlag("For serve: instead of the configured faults; may be repeated", "FAULT"),
    random: valueFlag("For serve: this share of all calls goes wrong", "RATE", readRate),
    seed: countFlag("For serve: other random faults for each number", 0),
    clear: booleanFlag("For fault: take back all that were added"),
  },
  run: async ({ flags, args }, context) => {
    const { action, platform, fault } = args;
    const { port, random, seed, clear } = flags;
    refuseOthers(action, { platform, fault, port, random, seed, clear, faults: flags.fault });
    const gpujob = await context.gpujob();
    if (action === "serve") {
      const options = {
        port: port ?? 0,
        faults: flags.fault,
        ...present({ platform, random, seed }),
      };
      return serveMock(gpujob, options, context);
    }
    if (action === "fault") {
      if (platform === undefined || (fault === undefined) !== clear) {
        throw usage(
          "mock fault needs a market and a fault, or --clear.",
          "See gpujob mock --help.",
        );
      }
      await gpujob.mockFault(platform, fault);
      const said = clear ? "Took back what was added." : "Added; nth counts from now.";
      return { data: { platform, fault: fault ?? null }, lines: () => [said] };
    }
    if (action === "meter") {
      const data = await gpujob.mockMeter();
      return { data, lines: (view) => renderMeter(data.machines, view) };
    }
    const data = await gpujob.mockReset();
    return { data, lines: () => [`Ended ${data.machines} machines and forgot the markets.`] };
  },
});

/** What each action takes beside its name. */
const taken: Readonly<Record<string, readonly string[]>> = {
  serve: ["platform", "port", "faults", "random", "seed"],
  fault: ["platform", "fault", "clear"],
};

function refuseOthers(action: string, given: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(given)) {
    const isGiven = Array.isArray(value)
      ? value.length > 0
      : value !== undefined && value !== false;
    if (!isGiven || taken[action]?.includes(name) === true) continue;
    throw usage(`mock ${action} takes no ${name}.`, "See gpujob mock --help.");
  }
}

function readRate(text: string, flag: string): number {
  const rate = Number(text);
  if (rate > 0 && rate <= 1) return rate;
  throw usage(`--${flag} takes a share such as 0.1, not "${text}".`);
}
