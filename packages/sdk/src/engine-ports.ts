import { appendFileSync } from "node:fs";
import { defaultTempo } from "@gpujob/engine";
import type { DriverEvent, EnginePorts, RunFiles } from "@gpujob/engine";
import type { Clock, HostSession } from "@gpujob/spec";
import { GpujobError, listSecrets, PlatformError } from "@gpujob/spec";
import type { Store } from "@gpujob/store";
import { closeTakenOver, takenByHand } from "./by-hand-leases.ts";
import { onlyPlanned } from "./keep-to-plan.ts";
import { mostRejected } from "./past-plans.ts";
import type { MachineAccess } from "./machine-access.ts";
import { makeOwner } from "./owner.ts";
import type { Planner } from "./planner.ts";
import type { Platforms } from "./platforms.ts";
import { staysAwake } from "./power.ts";
import { resolveSecret } from "./secrets.ts";
import type { StockWatch } from "./stock-watch.ts";
import type { Surroundings } from "./surroundings.ts";

/** Ties the engine to this machine: its store, files, keys, network and environment. */
export function createEnginePorts(options: {
  readonly around: Surroundings;
  readonly store: Store;
  readonly platforms: Platforms;
  readonly planner: Planner;
  /** For runs that wait for stock. */
  readonly watch: StockWatch;
  readonly files: RunFiles;
  readonly access: MachineAccess;
  readonly observe: (event: DriverEvent) => void;
}): EnginePorts {
  const { around, store, platforms } = options;
  const owner = makeOwner();
  return {
    store,
    clock: around.clock,
    newId: around.newId,
    owner,
    tempo: defaultTempo,
    platform: (name) => platforms.getMade(name),
    async makePlan(submission, exclusions, wait) {
      const { job, rates, currency, uploadBytes, runId } = submission;
      const { planner, watch } = options;
      const { planned: agreed } = submission;
      const only = agreed === undefined ? {} : { only: agreed };
      const request = { job, exclusions, rates, currency, uploadBytes, runId, ...only };
      const waited =
        wait.isWaiting === true
          ? await watch.collect(await planner.platformsFor(job), wait)
          : undefined;
      const planned =
        waited === undefined
          ? await planner.plan(request, wait)
          : await planner.rank(request, waited);
      const rejected = mostRejected(planned.plan.rejected);
      return {
        candidates: planned.candidates,
        missing: planned.missing,
        ...(rejected.length === 0 ? {} : { rejected }),
        ...(waited === undefined ? {} : { againAfterMs: waited.againAfterMs }),
        ...(planned.explanation === undefined ? {} : { explanation: planned.explanation }),
        ...(agreed === undefined ? {} : onlyPlanned(agreed, planned.candidates)),
      };
    },
    connect: ({ platform, leaseKey, node }, wait): Promise<HostSession> =>
      options.access.openHost({ platform, leaseKey, node }, wait),
    files: options.files,
    sshPublicKey: () => options.access.publicKey(),
    gangKey: (name) => options.access.gangKey(name),
    async resolveSecrets(submission) {
      const values: Record<string, string> = {};
      const missing: string[] = [];
      for (const [name, reference] of Object.entries(listSecrets(submission.job))) {
        try {
          values[name] = (await resolveSecret(reference, around)).reveal();
        } catch (error) {
          if (!GpujobError.is(error)) throw error;
          missing.push(`${name}: ${error.message}`);
        }
      }
      return { values, missing };
    },
    staysAwake,
    isOnline: () => isAnythingReached(platforms, around.clock),
    observe(event) {
      options.observe(event);
      const taken = takenByHand(event);
      if (taken === undefined) return;
      const sight = { store, platforms: platforms.made(), clock: around.clock, owner };
      // What does not come out now comes out at the next audit.
      closeTakenOver(sight, taken, { signal: new AbortController().signal }).catch(() => undefined);
    },
    crashPoint: crashPointOf(around.environment),
  };
}

/**
 * `GPUJOB_CRASH_AT=NAME[,NAME…]` kills this process with SIGKILL when it passes one of these points; `NAME@N` at its
 * n-th pass. `GPUJOB_CRASH_LOG=FILE` gets a line for each point passed. For the fault suite.
 */
function crashPointOf(environment: Surroundings["environment"]): (name: string) => void {
  const text = environment["GPUJOB_CRASH_AT"] ?? "";
  const log = environment["GPUJOB_CRASH_LOG"] ?? "";
  if (text === "" && log === "") return () => undefined;
  const points = new Map(
    text.split(",").map((each) => {
      const [name = "", nth = "1"] = each.split("@");
      return [name, Number(nth)];
    }),
  );
  return (name) => {
    if (log !== "") appendFileSync(log, `${name}\n`);
    const left = points.get(name);
    if (left === undefined) return;
    points.set(name, left - 1);
    if (left <= 1) process.kill(process.pid, "SIGKILL");
  };
}

/** Silence of one machine says nothing while this one reaches no platform at all, nor any other host. */
async function isAnythingReached(platforms: Platforms, clock: Clock): Promise<boolean> {
  const controller = new AbortController();
  const { signal } = controller;
  const late = clock.sleep(reachDeadlineMs, { signal }).then(() => false);
  const asked = platforms.made().map(async ({ platform }) => platform.listOffers({}, { signal }));
  const reached = Promise.any(asked).then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([reached, late]);
  } finally {
    controller.abort();
    late.catch(() => undefined);
  }
}

const reachDeadlineMs = 3000;

/** Throws the kind of error that the engine expects when a node has no way to it yet. */
export function noAccess(platform: string): PlatformError {
  return new PlatformError("unavailable", `${platform} gives no address of the machine yet.`, {
    scope: "host",
  });
}
