import type {
  Channel,
  Clock,
  Execution,
  HostAttempt,
  HostBeat,
  HostListing,
  HostSession,
} from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import { parseBeat } from "./beat.ts";
import type { Control } from "./control.ts";
import { untilAborted } from "./deadline.ts";
import { parseFacts } from "./facts.ts";
import type { Greeting } from "./install.ts";
import { sayHello, supervisorHash } from "./install.ts";
import { openKnownTrees } from "./known-trees.ts";
import { lazyExecution } from "./lazy-execution.ts";
import type { CallOptions } from "./link.ts";
import { createLink } from "./link.ts";
import { joinSums, parseFound, parseSums, renderNames, selectByGlobs } from "./list-files.ts";
import { attemptFolder, renderPlan, signalName } from "./plan-frames.ts";
import { parseProbe } from "./probe.ts";
import { readFrom } from "./read-files.ts";
import { factsScript, probeScript } from "./shell-scripts.ts";
import { readLines } from "./streams.ts";
import type { Dialogue } from "./upload-conversation.ts";
import { uploadFiles } from "./upload.ts";
import { runWatch } from "./watch.ts";

/** What `openHost` needs from outside. */
export interface HostOptions {
  /** Absolute folder on the machine, or one below `~/`. @default "~/.gpujob" */
  readonly root?: string;
  /** Folder of this side for the lists of what hosts were sent; without one, more is asked at each upload. */
  readonly knownTrees?: string;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log?: (message: string, details?: Readonly<Record<string, unknown>>) => void;
}

type Wait = { readonly signal: AbortSignal };
type CallDetails = Omit<CallOptions, "deadlineMs"> & { readonly deadlineMs?: number };

/** Every part of a probe ends by itself; together they may take so much longer than was asked for. */
const probeSlackSeconds = 300;
const shortMs = 30_000;
/** Hashing hundreds of GiB takes its time. */
const longMs = 60 * 60_000;

/**
 * A session with one machine over a channel. With a function the channel is opened when it is first needed, and again
 * after it broke. Opening a session does nothing on the machine.
 */
export function openHost(
  source: Channel | (() => Promise<Channel>),
  options: HostOptions,
): HostSession {
  const { clock } = options;
  const link = createLink(source, clock);
  const known = openKnownTrees(options.knownTrees);
  const controls = new Map<string, Control>();
  const hash = supervisorHash();
  let installed: Promise<string> | undefined;

  const greet = (wait: Wait, command: readonly string[] = []): Promise<Greeting> =>
    sayHello(link, { ...wait, clock, root: options.root ?? "", command });
  /** Installs the supervisor once per session, and gives our absolute folder. */
  const install = async (wait: Wait): Promise<string> => {
    installed ??= greet(wait).then(({ root }) => root);
    try {
      return await untilAborted(installed, wait.signal);
    } catch (error) {
      installed = undefined;
      throw error;
    }
  };
  const command = async (
    action: string,
    attempt: HostAttempt,
    args: readonly string[],
    wait: Wait,
  ): Promise<string[]> => {
    const root = await install(wait);
    const script = `${root}/bin/${hash}.sh`;
    return ["sh", script, action, root, attemptFolder(attempt), String(attempt.epoch), ...args];
  };
  const call = async (
    action: string,
    attempt: HostAttempt,
    args: readonly string[],
    details: CallDetails,
  ): Promise<Buffer> =>
    link.call(await command(action, attempt, args, details), { deadlineMs: shortMs, ...details });
  const start = async (
    action: string,
    attempt: HostAttempt,
    args: readonly string[],
    wait: Wait,
  ): Promise<Execution> => link.start(await command(action, attempt, args, wait), wait);
  /** The conversation of an upload; on a machine that nobody has spoken to it is the greeting too. */
  const startSync = async (attempt: HostAttempt, wait: Wait): Promise<Dialogue> => {
    if (installed === undefined) {
      const greeting = greet(wait, ["sync", attemptFolder(attempt), String(attempt.epoch)]);
      const root = greeting.then((greeted) => greeted.root);
      root.catch(() => (installed = undefined));
      installed = root;
      return greeting;
    }
    const execution = await start("sync", attempt, [], wait);
    return { execution, lines: readLines(execution.stdout) };
  };
  /** Through the open control channel where there is one, else by one call. */
  const ask = async (
    attempt: HostAttempt,
    words: readonly string[],
    wait: Wait,
  ): Promise<HostBeat> => {
    const control = controls.get(controlKey(attempt));
    if (control) return control.send(words, wait);
    const operation = words[0] ?? "";
    return lastBeat(await call("do", attempt, words, { ...wait, operation, isMutating: true }));
  };

  return {
    async readFacts({ signal }) {
      const output = await link.call(["sh", "-c", factsScript, "facts", options.root ?? ""], {
        signal,
        operation: "readFacts",
        deadlineMs: 60_000,
      });
      return parseFacts(output.toString());
    },
    async probe({ signal, seconds, cards = [], downloads }) {
      const words = [options.root ?? "", String(Math.round(seconds)), cards.join(",")];
      const pairs = downloads.map(({ name, url }) => `${name}=${url}`);
      const output = await link.call(["sh", "-c", probeScript, "probe", ...words, ...pairs], {
        signal,
        operation: "probe",
        deadlineMs: (seconds + probeSlackSeconds) * 1000,
      });
      return parseProbe(output.toString());
    },
    async upload(attempt, files, { signal, into = ".", onProgress }) {
      return uploadFiles(files, into, {
        clock,
        signal,
        known,
        startSync: (wait) => startSync(attempt, wait),
        startStream: (action, wait) => start(action, attempt, [], wait),
        ...(onProgress === undefined ? {} : { onProgress }),
      });
    },
    async prepare(attempt, plan, { signal }) {
      const input = renderPlan(attempt, plan, await install({ signal }));
      lastBeat(
        await call("prepare", attempt, [], {
          signal,
          operation: "prepare",
          isMutating: true,
          input,
        }),
      );
    },
    async start(attempt, { signal }) {
      return lastBeat(
        await call("start", attempt, [], { signal, operation: "start", isMutating: true }),
      );
    },
    async readBeat(attempt, { signal }) {
      return lastBeat(await call("beat", attempt, [], { signal, operation: "readBeat" }));
    },
    async watch(attempt, watch, { signal }) {
      const key = controlKey(attempt);
      try {
        return await runWatch(
          {
            startControl: (wait) => start("control", attempt, [], wait),
            startLog: (offset, wait) => start("log", attempt, [String(offset)], wait),
            onControl: (control) => {
              if (control) controls.set(key, control);
              else controls.delete(key);
            },
          },
          watch,
          { clock, signal },
        );
      } catch (error) {
        if (PlatformError.is(error) && error.kind === "unreachable") link.markBroken();
        throw error;
      }
    },
    renew: (attempt, until, wait) => ask(attempt, ["renew", wholeMs(until)], wait),
    thaw: (attempt, { nonce, validUntilUptimeMs }, wait) =>
      ask(attempt, ["thaw", oneWord(nonce), wholeMs(validUntilUptimeMs)], wait),
    freeze: (attempt, wait) => ask(attempt, ["freeze"], wait),
    proceed: (attempt, wait) => ask(attempt, ["proceed"], wait),
    async signal(attempt, name, wait) {
      await ask(attempt, ["signal", oneWord(signalName(name))], wait);
    },
    async stop(attempt, { graceMs, reason }, wait) {
      await ask(attempt, ["stop", wholeMs(graceMs), reason], wait);
    },
    async setLimits(attempt, limits, wait) {
      const values = [limits.timeLimitMs, limits.orphanMs, limits.holdMs];
      const words = values.map((value) => (value === undefined ? "-" : wholeMs(value)));
      await ask(attempt, ["limits", ...words], wait);
    },
    async list(attempt, selection, { signal }) {
      const list = async (
        from: "work" | "output",
        globs: readonly string[],
      ): Promise<HostListing> => {
        const output = await call("list", attempt, [from], {
          signal,
          operation: "list",
          deadlineMs: longMs,
        });
        const found = parseFound(output);
        const files = selectByGlobs(found.files, globs).map((file) => ({ ...file, from }));
        const skipped = selectByGlobs(found.skipped, globs);
        if (files.length === 0) return { files: [], skipped };
        const sums = await call("hash", attempt, [from], {
          signal,
          operation: "list",
          deadlineMs: longMs,
          input: renderNames(files),
        });
        return joinSums(files, parseSums(sums), skipped);
      };
      const parts = [
        ...(selection.globs.length === 0 ? [] : [await list("work", selection.globs)]),
        ...(selection.outputFolder === true ? [await list("output", ["**"])] : []),
      ];
      return {
        files: parts.flatMap((part) => part.files),
        skipped: parts.flatMap((part) => part.skipped),
      };
    },
    read: (attempt, file, { signal, from, offset = 0 }) =>
      readFrom(
        (wait) => start("read", attempt, [from, `./${file.path}`, String(offset)], wait),
        file.bytes - offset,
        { clock, signal, onBroken: link.markBroken },
      ),
    readMany: (attempt, files, { signal, from }) =>
      readFrom(
        async (wait) => {
          const execution = await start("read-many", attempt, [from], wait);
          execution.stdin.end(renderNames(files));
          return execution;
        },
        files.reduce((total, file) => total + file.bytes, 0),
        { clock, signal, onBroken: link.markBroken },
      ),
    async end(attempt, { signal, remove }) {
      await call("end", attempt, [remove ? "remove" : "keep"], {
        signal,
        operation: "end",
        deadlineMs: 120_000,
        isMutating: true,
      });
    },
    exec(attempt, argv, wait) {
      return lazyExecution(start("exec", attempt, argv, wait));
    },
    async close() {
      for (const control of controls.values()) control.close();
      controls.clear();
      await link.close();
    },
  };
}

function controlKey(attempt: HostAttempt): string {
  return `${attemptFolder(attempt)}/${attempt.epoch}`;
}

function lastBeat(output: Buffer): HostBeat {
  return parseBeat(output.toString().trim().split("\n").at(-1) ?? "");
}

function wholeMs(ms: number): string {
  return String(Math.max(0, Math.floor(ms)));
}

/** Commands are lines of words: what is not a word of ours must not become two. */
function oneWord(text: string): string {
  return /^[\w-]+$/.test(text) ? text : "-";
}
