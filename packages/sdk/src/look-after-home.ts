import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { RunRow } from "@gpujob/store";
import { isDriven, startDriver } from "./background.ts";
import type { Gpujob } from "./gpujob.ts";
import { makeOwner } from "./owner.ts";
import { runFolder } from "./run-files.ts";
import { findRun } from "./runs.ts";
import type { Workshop } from "./workshop.ts";

/** Calls about the home and what it rents from, not about one run. */
export function createHome(
  workshop: Workshop,
): Pick<
  Gpujob,
  | "audit"
  | "platforms"
  | "addPlatform"
  | "removePlatform"
  | "doctor"
  | "schema"
  | "config"
  | "prune"
  | "mockMeter"
  | "mockReset"
  | "mockServe"
  | "mockFault"
> {
  const { around, options } = workshop;
  const now = (): number => around.clock.now();
  const find = async (reference: string | undefined, mode?: "newest" | "unique"): Promise<RunRow> =>
    findRun(await workshop.store(), reference, mode);

  return {
    async audit({ fix, ended }, wait) {
      const { audit, readPlatformBills, vouch } = await import("./on-demand.ts");
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
      const { clock } = around;
      const sweep = { store, platforms, installation, clock, owner: makeOwner() };
      const [report] = await Promise.all([
        audit(sweep, { fix: fix === true }, wait),
        readPlatformBills({ store, platforms: setUp.platforms, clock }, wait),
      ]);
      return report;
    },
    async platforms() {
      const { platforms } = await workshop.setUp();
      const { describeReference, findReferences, learntOf, readExperiences } =
        await import("./on-demand.ts");
      const records = await readExperiences(around, workshop.store);
      return (await platforms.all()).map(({ name, config, definition }) => ({
        ...learntOf(name, records),
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
    async mockServe(serveOptions) {
      const { serveMockMarket } = await import("./on-demand.ts");
      return serveMockMarket(workshop, serveOptions);
    },
    async mockFault(platform, fault) {
      const { changeFaults } = await import("./on-demand.ts");
      await changeFaults(workshop, platform, fault);
    },
  };
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
