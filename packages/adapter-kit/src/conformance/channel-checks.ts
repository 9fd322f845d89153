import { deepEqual, equal, ok } from "node:assert/strict";
import { buffer, text } from "node:stream/consumers";
import type { Channel, ExecExit } from "@gpujob/spec";
import type { ConformanceCheck } from "./check.ts";
import { whereCapability } from "./check.ts";
import type { ConformanceContext } from "./context.ts";
import { failureOf } from "./context.ts";

const group = "channel";

async function withChannel<T>(
  context: ConformanceContext,
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  const { lease } = await context.rent();
  const up = await context.untilUp(lease.leaseId);
  const node = up.nodes.find((one) => one.access?.kind === "channel");
  ok(node !== undefined, "no node is reached by channel");
  const channel = await context.platform.openChannel?.(node, context.wait);
  ok(channel !== undefined, "openChannel is missing");
  try {
    return await work(channel);
  } finally {
    await channel.close();
  }
}

interface Result {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly exit: ExecExit;
}

async function run(
  channel: Channel,
  context: ConformanceContext,
  argv: readonly string[],
  input?: Buffer,
): Promise<Result> {
  const execution = channel.exec(argv, context.wait);
  execution.stdin.end(input);
  const [stdout, stderr, exit] = await Promise.all([
    buffer(execution.stdout),
    text(execution.stderr),
    execution.exit,
  ]);
  return { stdout, stderr, exit };
}

/** Everything that a shell would read, and some that a careless transport would. */
const awkward = [
  "plain",
  "",
  " two  spaces ",
  "$HOME `id` $(id) ${x}",
  `'single' "double" \\back`,
  "line\nbreak\ttab",
  "*?[a]{b,c}~!#;&|<>",
  "-n",
  "--",
  "名前 é 🚀",
];

const checks: readonly ConformanceCheck[] = [
  {
    group,
    name: "runs a program and gives back its output and its code",
    run: (context) =>
      withChannel(context, async (channel) => {
        const result = await run(channel, context, ["echo", "hello"]);
        equal(result.stdout.toString(), "hello\n");
        deepEqual(result.exit, { code: 0 });
      }),
  },
  {
    group,
    name: "passes arguments byte for byte",
    run: (context) =>
      withChannel(context, async (channel) => {
        const script = `for a in "$@"; do printf '%s\\0' "$a"; done`;
        const result = await run(channel, context, ["sh", "-c", script, "sh", ...awkward]);
        deepEqual(result.stdout.toString().split("\0").slice(0, -1), awkward);
      }),
  },
  {
    group,
    name: "tells a non-zero code",
    run: (context) =>
      withChannel(context, async (channel) => {
        deepEqual((await run(channel, context, ["sh", "-c", "exit 3"])).exit, { code: 3 });
      }),
  },
  {
    group,
    name: "tells a program that is not there from one that fails",
    run: (context) =>
      withChannel(context, async (channel) => {
        const { exit } = await run(channel, context, ["no-such-program-here"]);
        equal(exit.code, 127);
      }),
  },
  {
    group,
    name: "tells death by a signal",
    run: (context) =>
      withChannel(context, async (channel) => {
        const { exit } = await run(channel, context, ["sh", "-c", "kill -9 $$"]);
        ok(exit.signal === "SIGKILL" || exit.code === 137, JSON.stringify(exit));
      }),
  },
  {
    group,
    name: "carries bytes in and out unchanged",
    run: (context) =>
      withChannel(context, async (channel) => {
        const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7) % 256));
        const { stdout } = await run(channel, context, ["cat"], bytes);
        ok(stdout.equals(bytes), "the bytes came back changed");
      }),
  },
  {
    group,
    name: "keeps standard error apart",
    run: (context) =>
      withChannel(context, async (channel) => {
        const result = await run(channel, context, ["sh", "-c", "echo out; echo err >&2"]);
        equal(result.stdout.toString(), "out\n");
        equal(result.stderr, "err\n");
      }),
  },
  {
    group,
    name: "ends a program when the signal fires, and says aborted",
    run: (context) =>
      withChannel(context, async (channel) => {
        const stop = new AbortController();
        const execution = channel.exec(["sleep", "600"], { signal: stop.signal });
        execution.stdout.resume();
        execution.stderr.resume();
        stop.abort();
        equal((await failureOf(execution.exit)).kind, "aborted");
      }),
  },
  {
    group,
    name: "may be closed twice",
    run: (context) => withChannel(context, async (channel) => channel.close()),
  },
];

export const channelChecks: readonly ConformanceCheck[] = checks.map((check) => ({
  ...check,
  needs: [whereCapability("channel", true)],
}));
