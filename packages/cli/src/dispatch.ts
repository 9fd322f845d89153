import type { Failure } from "@gpujob/spec";
import { nearestName, toFailure } from "@gpujob/spec";
import { commandNames, findCommand } from "./commands.ts";
import { createContext } from "./create-context.ts";
import type { Surroundings } from "./create-context.ts";
import type { CommandContext } from "./context.ts";
import type { AnyCommand, Outcome } from "./definition.ts";
import { failureEnvelope, successEnvelope } from "./envelope.ts";
import { exitCodeOf } from "./exit-codes.ts";
import { usage } from "./flags.ts";
import { peerHint } from "./peers.ts";
import { isPromptExit } from "./prompts.ts";
import type { ReadLine } from "./read-line.ts";
import { readLine, splitAtDashes } from "./read-line.ts";
import { renderFailure } from "./render/failure.ts";
import { rootHelp } from "./root-help.ts";
import { viewOf } from "./create-context.ts";

/** Runs one command line and answers the exit code. Everything it says has been written when it settles. */
export async function dispatch(
  argv: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  const isJson = splitAtDashes(argv).ours.includes("--json");
  try {
    const { name, words } = findName(argv);
    if (name === undefined) return await showHelp(undefined, surroundings, isJson);
    const isHelp = name === "help" || splitAtDashes(words).ours.some(isHelpFlag);
    if (isHelp) {
      return await showHelp(name === "help" ? words.find(isWord) : name, surroundings, isJson);
    }
    const command = getCommand(name);
    const line = await readLine(command, words);
    return await runCommand(command, line, surroundings);
  } catch (error) {
    return await reportFailure(toFailure(error), surroundings, isJson);
  }
}

/** The command's name, with common flags that stand before it moved behind it. */
function findName(argv: readonly string[]): {
  readonly name: string | undefined;
  readonly words: readonly string[];
} {
  let index = 0;
  while (argv[index]?.startsWith("-") === true && argv[index] !== "--") {
    index += argv[index] === "-c" || argv[index] === "--config" ? 2 : 1;
  }
  const name = argv[index];
  if (name === undefined || name === "--") return { name: undefined, words: argv };
  return { name, words: [...argv.slice(0, index), ...argv.slice(index + 1)] };
}

/** Throws `usage` with what was likely meant. */
function getCommand(name: string): AnyCommand {
  const command = findCommand(name);
  if (command) return command;
  const peer = peerHint(name);
  const near = nearestName(name, commandNames);
  const hint =
    peer ??
    (near === undefined ? "See gpujob --help." : `Did you mean gpujob ${near}? See gpujob --help.`);
  throw usage(`gpujob has no command "${name}".`, hint);
}

async function runCommand(
  command: AnyCommand,
  line: ReadLine,
  surroundings: Surroundings,
): Promise<number> {
  const { context, interrupted, close } = createContext(line.flags, surroundings);
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- read by the definition that typed the command
    const { flags, args, rest } = line as { flags: never; args: never; rest: readonly string[] };
    const outcome = await command.run({ flags, args, rest }, context);
    return await finish(outcome, context);
  } catch (error) {
    const signal = interrupted();
    if (isPromptExit(error)) return await fail(cancelled, context);
    if (signal === undefined) return await fail(toFailure(error), context);
    const ended = signal === "SIGTERM" ? terminated : cancelled;
    const isView = viewingCommands.has(command.name);
    return await fail(isView ? { ...ended, hint: "Only this view; runs go on." } : ended, context);
  } finally {
    await close();
  }
}

/** Commands that only look: what they look at goes on without them. */
const viewingCommands: ReadonlySet<string> = new Set(["logs", "wait", "show", "ps"]);

const cancelled: Failure = { kind: "cancelled", message: "Ended by Ctrl-C." };
const terminated: Failure = { kind: "terminated", message: "Ended by SIGTERM." };

/** Prints what a command has to say; answers the exit code. */
async function finish(outcome: Outcome<unknown>, context: CommandContext): Promise<number> {
  const { data, lines, failure, isStreamed = false } = outcome;
  const exitCode = outcome.exitCode ?? (failure ? exitCodeOf(failure.kind) : 0);
  const view = context.view(context.out);
  if (context.isJson && !isStreamed) {
    const envelope = failure
      ? failureEnvelope(failure, exitCode, context.warnings, data)
      : successEnvelope(data, context.warnings);
    await context.out.write(`${JSON.stringify(envelope)}\n`);
  } else if (lines && !context.isJson) {
    const text = lines(view).join("\n");
    if (text !== "") await context.out.write(`${text}\n`);
  }
  return exitCode;
}

async function fail(failure: Failure, context: CommandContext): Promise<number> {
  const exitCode = exitCodeOf(failure.kind);
  if (context.isJson) {
    const envelope = failureEnvelope(failure, exitCode, context.warnings);
    await context.out.write(`${JSON.stringify(envelope)}\n`);
  } else await context.screen.say(renderFailure(failure, context.view(context.err)));
  return exitCode;
}

/** Says a failure for which there is no context, as when the line itself is wrong; answers the exit code. */
export async function reportFailure(
  failure: Failure,
  from: Surroundings,
  isJson: boolean,
): Promise<number> {
  const exitCode = exitCodeOf(failure.kind);
  if (isJson) {
    await from.out.write(`${JSON.stringify(failureEnvelope(failure, exitCode, []))}\n`);
  } else {
    const lines = renderFailure(failure, viewOf(from.err, from, false));
    await from.err.write(`${lines.join("\n")}\n`);
  }
  return exitCode;
}

async function showHelp(
  name: string | undefined,
  from: Surroundings,
  isJson: boolean,
): Promise<number> {
  const view = viewOf(from.out, from, false);
  const lines =
    name === undefined
      ? rootHelp(view)
      : (await import("./help.ts")).commandHelp(getCommand(name), view);
  const text = isJson
    ? JSON.stringify(successEnvelope({ help: lines.join("\n") }, []))
    : lines.join("\n");
  await from.out.write(`${text}\n`);
  return 0;
}

function isHelpFlag(word: string): boolean {
  return word === "--help" || word === "-h";
}

function isWord(word: string): boolean {
  return !word.startsWith("-");
}
