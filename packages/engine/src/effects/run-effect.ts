import { assertNever } from "@gpujob/spec";
import type { EffectRunner } from "../driver/effect-scheduler.ts";
import type { RunSession } from "../driver/run-session.ts";
import { runAwaitNode } from "./await-node.ts";
import { runCollectOutputs } from "./collect-outputs.ts";
import { runCreateLease } from "./create-lease.ts";
import { runExtendLease } from "./extend-lease.ts";
import { runPlan } from "./plan.ts";
import { runPrepareHost, runStartJob } from "./prepare-host.ts";
import { runProceedJob } from "./proceed-job.ts";
import { runReleaseLease } from "./release-lease.ts";
import { runStopJob } from "./stop-job.ts";
import { runTakeCheckpoints } from "./take-checkpoints.ts";
import { runWatchJob } from "./watch-job.ts";

/** Ties each kind of effect to what does it. */
export function createEffectRunner(session: RunSession): EffectRunner {
  return async (effect, row, signal) => {
    const work = { session, effectId: row.effectId, tries: row.tries, signal };
    switch (effect.kind) {
      case "plan":
        return runPlan(work);
      case "create-lease":
        return runCreateLease(work, effect);
      case "await-node":
        return runAwaitNode(work, effect);
      case "prepare-host":
        return runPrepareHost(work, effect);
      case "start-job":
        return runStartJob(work, effect);
      case "proceed-job":
        return runProceedJob(work, effect);
      case "watch-job":
        return runWatchJob(work, effect);
      case "take-checkpoints":
        return runTakeCheckpoints(work, effect);
      case "stop-job":
        return runStopJob(work, effect);
      case "collect-outputs":
        return runCollectOutputs(work, effect);
      case "release-lease":
        return runReleaseLease(work, effect);
      case "extend-lease":
        return runExtendLease(work, effect);
      case "timer": {
        const { kind: _kind, ...timer } = effect;
        return session.emit({ type: "timer-fired", ...timer }, { finish: row.effectId });
      }
      default:
        return assertNever(effect);
    }
  };
}
