import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { RunView } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import type { RunRow } from "@gpujob/store";
import type { Reach } from "./access.ts";
import { findOrphans, isDriven, isFreeToDrive, startDriver } from "./background.ts";
import type { Gpujob, GpujobOptions } from "./gpujob.ts";
import { readLogs } from "./logs.ts";
import { runFolder } from "./run-files.ts";
import { createBeatKeeper, readLastBeat } from "./beat-file.ts";
import { costOf, findRun, readReceipt, showRun, submissionOf, toRunView } from "./runs.ts";
import { toTimelineEntry } from "./timeline.ts";
import { openWorkshop } from "./workshop.ts";
import type { SetUp, Workshop } from "./workshop.ts";
import { makeOwner } from "./owner.ts";

const pollMs = 250;

/**
 * Opens gpujob for one home folder. What is large (schemas, engine, SSH) is loaded by the first call that needs it, so that
 * looking at runs starts fast. Contacts nothing and writes nothing before the first call.
 */
export function createGpujob(options: GpujobOptions = {}): Gpujob {
  const workshop = openWorkshop(options);
  const { around } = workshop;
  const now = (): number => around.clock.now();
  const find = async (reference: string | undefined, mode?: "newest" | "unique"): Promise<RunRow> =>
    findRun(await workshop.store(), reference, mode);
  const reach = async (row: RunRow): Promise<Reach> => ({
    store: await workshop.store(),
    platforms: (await setUpFor(workshop, row)).platforms,
    access: await workshop.access(),
    around,
  });

  const gpujob: Gpujob = {
    async plan(input, wait) {
      const { prepareJob } = await import("./planning.ts");
      return (await prepareJob(workshop, input, wait)).result;
    },
    async submit(submitOptions, wait) {
      const { submit } = await import("./on-demand.ts");
      return submit(workshop, submitOptions, wait);
    },
    async offers(filter, wait) {
      const { listOffers } = await import("./planning.ts");
      return listOffers(workshop, filter, wait);
    },

    async listRuns(filter) {
      const store = await workshop.store();
      const rows = await store.listRuns({
        ...(filter.all === true || filter.idempotencyKey !== undefined ? {} : { active: true }),
        ...(filter.limit === undefined ? {} : { limit: filter.limit }),
      });
      const wanted = rows.filter(
        (row) =>
          filter.idempotencyKey === undefined || row.idempotencyKey === filter.idempotencyKey,
      );
      return Promise.all(wanted.map((row) => viewWithDriver(workshop, row)));
    },
    async showRun(reference) {
      const row = await find(reference);
      const lastBeat = await readLastBeat(around.home, row.runId);
      return { ...(await showRun(await workshop.store(), row, now())), lastBeat };
    },
    async receipt(reference) {
      return readReceipt(await workshop.store(), await find(reference));
    },
    async *readLogs(reference, logOptions) {
      const row = await find(reference);
      const store = await workshop.store();
      const guard = createDriverGuard(workshop, row.runId);
      const isOver = async (): Promise<boolean> => {
        if (logOptions.follow === true) await guard();
        return (await store.loadRun(row.runId))?.settledAt !== undefined;
      };
      const { knownSecrets, redactLogs } = await import("./on-demand.ts");
      const secrets = await knownSecrets(submissionOf(row).job, around);
      const source = { home: around.home, runId: row.runId, clock: around.clock, isOver };
      yield* redactLogs(readLogs(source, logOptions), secrets);
    },
    async *readTimeline(reference, { follow, signal }) {
      const row = await find(reference);
      const store = await workshop.store();
      for (let seen = 0; ;) {
        const isOver = follow !== true || (await store.loadRun(row.runId))?.settledAt !== undefined;
        for (const event of await store.listEvents(row.runId, seen)) {
          seen = event.seq;
          const entry = toTimelineEntry(event);
          if (entry !== undefined) yield entry;
        }
        if (isOver) return;
        await around.clock.sleep(pollMs, { signal });
      }
    },
    async waitRun(reference, { signal }) {
      const row = await find(reference);
      return untilSettled(workshop, row.runId, signal);
    },

    async stopRun(reference, { now: isNow }) {
      const row = await find(reference, "unique");
      if (row.settledAt !== undefined) return toRunView(row, now());
      const store = await workshop.store();
      const payload = JSON.stringify({ reason: "cancelled", isNow: isNow === true });
      await store.addWish({ runId: row.runId, kind: "stop", payload, at: now() });
      if (!isDriven(await store.readLock(row.runId), now()))
        await startDriver(row.runId, around, options.driverCommand);
      return toRunView(await findRun(store, row.runId), now());
    },
    async retryRun(reference, retryOptions, wait) {
      const { retryRun } = await import("./on-demand.ts");
      return retryRun(workshop, await find(reference, "unique"), retryOptions, wait);
    },

    async drillRun(reference, wait) {
      const { drillRun } = await import("./on-demand.ts");
      return drillRun(workshop, await find(reference, "unique"), wait);
    },

    async shellCommand(reference, { node, forward }) {
      const row = await find(reference);
      const signal = new AbortController().signal;
      const { findMachine } = await import("./on-demand.ts");
      const target = await findMachine(await reach(row), row, node ?? 0, { signal });
      const { access } = target.node;
      if (access?.kind !== "ssh") {
        throw new GpujobError(
          "usage",
          `${target.platform.name} has no SSH: its machines are reached by gpujob exec.`,
          {
            hint: `gpujob exec ${row.runId} -- sh -c 'ls'`,
          },
        );
      }
      const { toSshCommand } = await import("./on-demand.ts");
      const [program = "ssh", ...words] = toSshCommand(access);
      const key = access.auth.kind === "our-key" ? ["-i", join(around.home, "id_ed25519")] : [];
      const forwards = (forward ?? []).flatMap((port) => ["-L", `${port}:127.0.0.1:${port}`]);
      return { argv: [program, ...key, ...forwards, ...words], environment: {} };
    },
    async openTerminal(reference, terminalOptions) {
      const row = await find(reference);
      const { openTerminal } = await import("./on-demand.ts");
      return openTerminal(await reach(row), row, terminalOptions);
    },
    async forwardPorts(reference, ports, forwardOptions) {
      const row = await find(reference);
      const { forwardPorts } = await import("./on-demand.ts");
      return forwardPorts(await reach(row), row, ports, forwardOptions);
    },
    async exec(reference, argv, execOptions) {
      const row = await find(reference);
      const { execOnRun } = await import("./on-demand.ts");
      return execOnRun(await reach(row), row, argv, execOptions);
    },
    async push(reference, source, target, pushOptions) {
      const row = await find(reference);
      const { pushToRun } = await import("./on-demand.ts");
      return pushToRun(await reach(row), row, source, target, pushOptions);
    },
    async pull(reference, source, target, pullOptions) {
      const row = await find(reference);
      const { pullFromRun } = await import("./on-demand.ts");
      return pullFromRun(await reach(row), row, source, target, pullOptions);
    },

    async cost({ since, run }) {
      const { configuration } = await workshop.setUp();
      const row = run === undefined ? undefined : await find(run);
      return costOf(
        await workshop.store(),
        {
          ...(since === undefined ? {} : { since }),
          ...(row === undefined ? {} : { runId: row.runId }),
        },
        { now: now(), currency: configuration.config.currency },
      );
    },
    async audit({ fix, ended }, wait) {
      const { audit, vouch } = await import("./on-demand.ts");
      const store = await workshop.store();
      if (ended !== undefined) {
        const lease = await vouch({ store, clock: around.clock, owner: makeOwner() }, ended);
        const lock = await store.readLock(lease.runId);
        if ((await store.loadRun(lease.runId))?.settledAt === undefined && !isDriven(lock, now())) {
          await startDriver(lease.runId, around, options.driverCommand);
        }
      }
      const setUp = await workshop.setUp();
      const installation = await workshop.installation(setUp.configuration);
      const platforms = await setUp.platforms.all();
      return audit(
        { store, platforms, installation, clock: around.clock, owner: makeOwner() },
        { fix: fix === true },
        wait,
      );
    },

    async platforms() {
      const { platforms } = await workshop.setUp();
      const { describeReference, findReferences } = await import("./on-demand.ts");
      return (await platforms.all()).map(({ name, config, definition }) => ({
        name,
        adapter: config.adapter,
        title: definition.title,
        origin: config.origin,
        release: definition.capabilities.release,
        credentials: findReferences(config.settings).map(describeReference),
      }));
    },
    async addPlatform(added, wait) {
      const { addPlatform } = await import("./on-demand.ts");
      return addPlatform(workshop, added, wait);
    },
    async removePlatform(name) {
      const { removePlatform } = await import("./on-demand.ts");
      return removePlatform(workshop, name);
    },
    async doctor({ platform, takeRun, isForgiving = false }, wait) {
      if (takeRun !== undefined) return takeOver(workshop, await find(takeRun, "unique"));
      const { runDoctor } = await import("./on-demand.ts");
      const only = platform === undefined ? {} : { platform };
      return runDoctor(workshop, { ...only, isForgiving }, wait);
    },
    async schema(kind) {
      const { configJsonSchema, jobJsonSchema } = await import("./on-demand.ts");
      return kind === "job" ? jobJsonSchema() : configJsonSchema();
    },
    async config() {
      return (await workshop.setUp()).configuration.entries();
    },
    async prune({ before }) {
      const store = await workshop.store();
      const { runs } = await store.prune(before);
      const bytes = await sweepFolders(
        workshop,
        new Set((await store.listRuns({})).map((row) => row.runId)),
      );
      return { runs, bytes };
    },
    async mockMeter() {
      const { meterOf } = await import("./on-demand.ts");
      return meterOf(workshop);
    },
    async mockReset() {
      const { resetMarkets } = await import("./on-demand.ts");
      return resetMarkets(workshop);
    },
    async mockServe(options) {
      const { serveMockMarket } = await import("./on-demand.ts");
      return serveMockMarket(workshop, options);
    },
    async mockFault(platform, fault) {
      const { changeFaults } = await import("./on-demand.ts");
      await changeFaults(workshop, platform, fault);
    },

    async drive(runId, { signal }) {
      const { driveRun } = await import("./on-demand.ts");
      const row = await find(runId);
      const keepBeat = createBeatKeeper({ home: around.home, runId: row.runId, now });
      const ports = await (await setUpFor(workshop, row)).enginePorts(keepBeat);
      await isFreeToDrive(await workshop.store(), row.runId, now());
      const end = await driveRun(ports, row.runId, { signal });
      if (end.kind === "needs-credentials") throw needsCredentials(row.runId, end.missing);
      return toRunView(await find(row.runId), now());
    },
    async adoptOrphans() {
      const store = await workshop.store();
      const adopted: { readonly runId: string; readonly message: string }[] = [];
      if (options.driverCommand === undefined) return adopted;
      for (const row of await findOrphans(store, now())) {
        adopted.push({ runId: row.runId, message: await adopt(workshop, row) });
      }
      return adopted;
    },
    close: () => workshop.close(),
  };
  return gpujob;
}

/** Has a background driver go on with a run that nobody drives, unless its secrets are missing here; says which. */
async function adopt(workshop: Workshop, row: RunRow): Promise<string> {
  const missing = await missingSecrets(workshop, row);
  if (missing.length > 0) return needsCredentials(row.runId, missing).message;
  await startDriver(row.runId, workshop.around, workshop.options.driverCommand);
  return `${row.runId} had lost its driver; a background driver goes on with it.`;
}

/** How often somebody who waits for a run looks for a dead driver; a new one gets as long to begin. */
const guardEveryMs = 5000;

/** For those who wait: called again and again, it has a driver that was lost meanwhile replaced. */
function createDriverGuard(workshop: Workshop, runId: string): () => Promise<void> {
  const { clock } = workshop.around;
  let nextAt = clock.now() + guardEveryMs;
  return async () => {
    if (clock.now() < nextAt || workshop.options.driverCommand === undefined) return;
    nextAt = clock.now() + guardEveryMs;
    const orphans = await findOrphans(await workshop.store(), clock.now());
    const row = orphans.find((orphan) => orphan.runId === runId);
    if (row !== undefined) await adopt(workshop, row);
  };
}

/** The configuration as it is now, with the platforms that the run itself brought. */
async function setUpFor(workshop: Workshop, row: RunRow): Promise<SetUp> {
  return workshop.setUp({ extra: submissionOf(row).platforms ?? [] });
}

async function untilSettled(
  workshop: Workshop,
  runId: string,
  signal: AbortSignal,
): Promise<RunView> {
  const store = await workshop.store();
  const guard = createDriverGuard(workshop, runId);
  for (;;) {
    await guard();
    const row = await findRun(store, runId);
    const view = toRunView(row, workshop.around.clock.now());
    // The job's part is over; that its machine is not proven gone is what must be said.
    if (row.settledAt !== undefined || view.state === "release-unconfirmed") return view;
    await workshop.around.clock.sleep(pollMs, { signal });
  }
}

/** A run that nobody drives and whose secrets cannot be resolved here says so. */
async function viewWithDriver(workshop: Workshop, row: RunRow): Promise<RunView> {
  const now = workshop.around.clock.now();
  const view = toRunView(row, now);
  if (row.settledAt !== undefined) return view;
  if (isDriven(await (await workshop.store()).readLock(row.runId), now)) return view;
  const missing = await missingSecrets(workshop, row);
  return missing.length === 0
    ? view
    : { ...view, state: "needs-credentials", reason: missing.join("; ") };
}

async function missingSecrets({ around }: Workshop, row: RunRow): Promise<readonly string[]> {
  const missing: string[] = [];
  const secrets = Object.entries(submissionOf(row).job.secrets);
  if (secrets.length === 0) return missing;
  const { resolveSecret } = await import("./on-demand.ts");
  for (const [name, reference] of secrets) {
    await resolveSecret(reference, around).catch((error: unknown) => {
      missing.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    });
  }
  return missing;
}

function needsCredentials(runId: string, missing: readonly string[]): GpujobError {
  return new GpujobError("needs_credentials", `${runId} waits for secrets: ${missing.join("; ")}`, {
    hint: "Set them and run any gpujob command: it goes on then.",
  });
}

/** After a restored backup: this home's word counts again on the run's machines. */
async function takeOver(workshop: Workshop, row: RunRow): Promise<ReturnType<typeof asCheck>> {
  const store = await workshop.store();
  await store.raiseEpoch(row.runId, workshop.around.clock.now());
  await startDriver(row.runId, workshop.around, workshop.options.driverCommand);
  return asCheck(row.runId);
}

function asCheck(runId: string): readonly {
  readonly subject: string;
  readonly name: string;
  readonly state: "ok";
  readonly message: string;
}[] {
  return [
    { subject: runId, name: "take", state: "ok", message: "This home drives the run from now on." },
  ];
}

/** Removes folders of runs that the store no longer knows; answers the bytes freed. */
async function sweepFolders({ around }: Workshop, known: ReadonlySet<string>): Promise<number> {
  const root = join(around.home, "runs");
  const names = await readdir(root).catch(() => []);
  let bytes = 0;
  for (const name of names.filter((each) => !known.has(each))) {
    const folder = runFolder(around.home, name);
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
    }
    await rm(folder, { recursive: true, force: true });
  }
  return bytes;
}
