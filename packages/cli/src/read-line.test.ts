import { GpujobError, toFailure } from "@gpujob/spec";
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { commandNames, findCommand } from "./commands.ts";
import type { AnyCommand, Flag } from "./definition.ts";
import { explainLine } from "./explain-line.ts";
import { commonFlags } from "./flags.ts";
import { readLine, readPlainLine } from "./read-line.ts";

function load(name: string): AnyCommand {
  const command = findCommand(name);
  if (!command) throw new Error(`no command ${name}`);
  return command;
}

async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "nothing failed";
  } catch (error) {
    if (!GpujobError.is(error)) throw error;
    const { kind, message, hint } = toFailure(error);
    return `${kind}: ${message} ${hint ?? ""}`;
  }
}

describe("reading a command line", () => {
  for (const name of commandNames) {
    it(`reads ${name} the same with Node's parser and with oclif's`, async ({ expect }) => {
      const command = load(name);
      const flags = { ...command.flags, ...commonFlags };
      const word = fc.stringMatching(/^[a-z0-9][a-z0-9./=-]{0,8}$/);
      const option = fc
        .constantFrom(...Object.entries(flags))
        .chain(([flag, details]) => word.map((value) => spell(flag, details, value)));
      const line = fc.array(
        fc.oneof(
          option,
          word.map((value) => [value]),
        ),
        { maxLength: 6 },
      );
      await fc.assert(
        fc.asyncProperty(line, async (parts) => {
          const words = parts.flat();
          const plain = readPlainLine(command, flags, words);
          if (!plain) return;
          const other = await explainLine(command, flags, words);
          expect(tidy(plain.flags)).toEqual(tidy(other.flags));
          expect(tidy(plain.args)).toEqual(tidy(other.args));
        }),
        { numRuns: 60 },
      );
    });
  }

  it("takes everything after -- for the job", async ({ expect }) => {
    const line = await readLine(load("submit"), ["job.yaml", "-y", "--", "run", "--json"]);
    expect(line.args["file"]).toBe("job.yaml");
    expect(line.flags["json"]).toBe(false);
    expect(line.rest).toEqual(["run", "--json"]);
  });

  it("leaves corner cases to oclif and still reads them", async ({ expect }) => {
    const line = await readLine(load("submit"), ["-e", "-1", "-dy", "job.yaml"]);
    expect(line.flags).toMatchObject({ env: ["-1"], detach: true, yes: true });
  });

  it("names the nearest flag for one that it does not know", async ({ expect }) => {
    const failure = await failureOf(readLine(load("submit"), ["--max-prise", "3"]));
    expect(failure).toContain("usage: Unknown flag: --max-prise.");
    expect(failure).toContain("Did you mean --max-price?");
  });

  it("says what is missing, too much, given twice, or without a value", async ({ expect }) => {
    const retry = load("retry");
    expect(await failureOf(readLine(retry, []))).toMatch(/^usage: gpujob retry lacks RUN/);
    expect(await failureOf(readLine(retry, ["a", "b"]))).toMatch(/^usage: Unexpected argument: b/);
    const submit = load("submit");
    const twice = ["--budget", "1 CNY", "--budget", "2 CNY"];
    expect(await failureOf(readLine(submit, twice))).toContain("only be specified once");
    expect(await failureOf(readLine(submit, ["--gpu"]))).toContain("--gpu expects a value");
    expect(await failureOf(readLine(submit, ["--market", "cheap"]))).toContain(
      "on-demand, spot, auto",
    );
  });

  it("refuses numbers and times that are none", async ({ expect }) => {
    const ps = load("ps");
    for (const text of ["0", "-1", "1.5", "many", "1e3"]) {
      expect(await failureOf(readLine(ps, ["-n", text]))).toMatch(/^usage/);
    }
    const wait = load("wait");
    expect(await failureOf(readLine(wait, ["r-1", "--timeout", "soon"]))).toContain("--timeout");
    expect((await readLine(wait, ["r-1", "--timeout", "90s"])).flags["timeout"]).toBe(90_000);
  });

  it("takes nothing after -- where no command is expected", async ({ expect }) => {
    expect(await failureOf(readLine(load("ps"), ["--", "x"]))).toContain('nothing after "--"');
  });

  it("defines every command as the help and the parser need it", async ({ expect }) => {
    for (const name of commandNames) {
      const command = load(name);
      expect(command.name).toBe(name);
      expect(command.summary).not.toMatch(/\.$/);
      for (const flag of Object.values(command.flags)) {
        expect(flag.char ?? "x").toHaveLength(1);
      }
      const chars = Object.values({ ...command.flags, ...commonFlags }).flatMap(({ char }) =>
        char === undefined ? [] : [char],
      );
      expect(new Set(chars).size).toBe(chars.length);
    }
  });
});

function spell(name: string, flag: Flag, value: string): string[] {
  if (flag.type === "boolean") return [flag.char === undefined ? `--${name}` : `-${flag.char}`];
  return value.length % 2 === 0 ? [`--${name}=${value}`] : [`--${name}`, value];
}

/** Absent and empty are the same for both readers. */
function tidy(values: object): Record<string, unknown> {
  const kept = Object.entries(values).filter(
    ([, value]) =>
      value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0),
  );
  return Object.fromEntries(kept);
}
