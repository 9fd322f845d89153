import { mkdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { receiveFiles, scanFolder } from "@gpujob/host";
import type { HostAttempt, HostSession, Node, UploadFile } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import type { RunRow, Store } from "@gpujob/store";

import { readFileFacts } from "./code.ts";
import type { FileTransferReport } from "./gpujob.ts";
import type { MachineAccess, MachineTarget } from "./machine-access.ts";
import type { Platforms } from "./platforms.ts";
import { snapshotOf } from "./runs.ts";
import type { Surroundings } from "./surroundings.ts";

type Wait = { readonly signal: AbortSignal };

/** What reaching a run's machines needs. */
export interface Reach {
  readonly store: Store;
  readonly platforms: Platforms;
  readonly access: MachineAccess;
  readonly around: Surroundings;
}

interface Reached {
  readonly node: number;
  readonly session: HostSession;
  readonly attempt: HostAttempt;
}

/** Where a member of the present attempt is now. Throws `not_found` when the run has no machine. */
export async function findMachine(
  reach: Reach,
  row: RunRow,
  node: number,
  wait: Wait,
): Promise<MachineTarget> {
  const { context } = snapshotOf(row);
  const attempt = context.attempts[context.current - 1];
  const member = attempt?.members[node];
  if (attempt === undefined || member?.leaseId === undefined || member.state !== "held") {
    throw new GpujobError(
      "not_found",
      `${row.runId} has no machine${node === 0 ? "" : ` ${node}`} now.`,
      {
        hint: `Its logs and outputs are here: gpujob logs ${row.runId}, gpujob show ${row.runId}.`,
      },
    );
  }
  const platform = await reach.platforms.get(attempt.candidate.offer.platform);
  const lease = await platform.platform.getLease(member.leaseId, wait);
  const found: Node | undefined = lease?.nodes[0];
  if (found === undefined)
    throw new GpujobError(
      "unreachable",
      `${platform.name} does not show the machine of ${row.runId}.`,
    );
  return { platform, leaseKey: member.leaseKey, node: found };
}

async function openMember(reach: Reach, row: RunRow, node: number, wait: Wait): Promise<Reached> {
  const target = await findMachine(reach, row, node, wait);
  const lock = await reach.store.readLock(row.runId);
  const session = await reach.access.openHost(target, wait);
  const { context } = snapshotOf(row);
  // Speaks with the driver's own epoch, so that it takes nothing over.
  const attempt = {
    runId: row.runId,
    attempt: context.current,
    rank: node,
    epoch: lock?.epoch ?? 0,
  };
  return { node, session, attempt };
}

async function withMembers<Result>(
  reach: Reach,
  row: RunRow,
  node: number | "all" | undefined,
  wait: Wait,
  action: (reached: Reached) => Promise<Result>,
): Promise<readonly Result[]> {
  const { context } = snapshotOf(row);
  const count = context.attempts[context.current - 1]?.members.length ?? 1;
  const nodes = node === "all" ? Array.from({ length: count }, (_, index) => index) : [node ?? 0];
  return Promise.all(
    nodes.map(async (each) => {
      const reached = await openMember(reach, row, each, wait);
      try {
        return await action(reached);
      } finally {
        await reached.session.close();
      }
    }),
  );
}

/** Runs a command on machines of a run; the first code that is not 0, in the order of the nodes. */
export async function execOnRun(
  reach: Reach,
  row: RunRow,
  argv: readonly string[],
  options: {
    readonly node?: number | "all";
    readonly onOutput: (stream: "stdout" | "stderr", bytes: Uint8Array, node: number) => void;
  } & Wait,
): Promise<{ readonly exitCode: number }> {
  const codes = await withMembers(
    reach,
    row,
    options.node,
    options,
    async ({ node, session, attempt }) => {
      const execution = session.exec(attempt, argv, options);
      execution.stdin.end();
      execution.stdout.on("data", (bytes: Buffer) => options.onOutput("stdout", bytes, node));
      execution.stderr.on("data", (bytes: Buffer) => options.onOutput("stderr", bytes, node));
      const { code } = await execution.exit;
      return code ?? 1;
    },
  );
  return { exitCode: codes.find((code) => code !== 0) ?? 0 };
}

/** Sends a file or folder into the work folder of a run. */
export async function pushToRun(
  reach: Reach,
  row: RunRow,
  source: string,
  target: string,
  options: { readonly node?: number | "all" } & Wait,
): Promise<FileTransferReport> {
  const path = resolve(reach.around.cwd, source);
  const { files, skipped } = await scanSource(path, reach, options);
  const reports = await withMembers(reach, row, options.node, options, ({ session, attempt }) =>
    session.upload(attempt, files, { signal: options.signal, into: target }),
  );
  return {
    files: reports[0]?.totalFiles ?? 0,
    bytes: reports.reduce((sum, each) => sum + each.sentBytes, 0),
    skipped,
  };
}

async function scanSource(
  path: string,
  reach: Reach,
  wait: Wait,
): Promise<{
  readonly files: readonly UploadFile[];
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new GpujobError("usage", `There is no ${path} here.`, {
      hint: "gpujob push RUN SOURCE TARGET: the source is a file or folder of this computer.",
      cause,
    });
  });
  if (found.isDirectory())
    return scanFolder(path, {
      clock: reach.around.clock,
      ...wait,
      findIgnored: false,
      never: [reach.around.home],
    });
  return { files: [await readFileFacts(path, basename(path), wait)], skipped: [] };
}

/** Fetches what matches a path or glob of the work folder. */
export async function pullFromRun(
  reach: Reach,
  row: RunRow,
  source: string,
  target: string,
  options: { readonly node?: number | "all" } & Wait,
): Promise<FileTransferReport> {
  const folder = resolve(reach.around.cwd, target);
  await mkdir(folder, { recursive: true });
  const globs = [source, `${source.replace(/\/+$/, "")}/**`];
  const reports = await withMembers(
    reach,
    row,
    options.node,
    options,
    async ({ node, session, attempt }) => {
      const listing = await session.list(attempt, { globs }, options);
      const into = options.node === "all" ? join(folder, `node-${node}`) : folder;
      return receiveFiles(session, attempt, listing, into, {
        clock: reach.around.clock,
        signal: options.signal,
      });
    },
  );
  const files = reports.flatMap((each) => each.files);
  const skipped = reports.flatMap((each) => each.skipped);
  if (files.length === 0 && skipped.length > 0) {
    const why = skipped.slice(0, 3).map((each) => `${each.path}: ${each.reason}`);
    throw new GpujobError("download_failed", `Nothing was fetched. ${why.join(" ")}`, {
      hint: "A file that the job is writing can change while it is read; pull again.",
    });
  }
  if (files.length === 0) {
    throw new GpujobError(
      "not_found",
      `Nothing in the work folder of ${row.runId} matches ${source}.`,
      {
        hint: `See what is there: gpujob exec ${row.runId} -- ls`,
      },
    );
  }
  return {
    files: files.length,
    bytes: files.reduce((sum, each) => sum + each.bytes, 0),
    skipped,
  };
}
