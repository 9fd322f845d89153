import type { DoctorCheck, RunDetail } from "@gpujob/sdk";
import type { CommandContext } from "../context.ts";
import { openAdopting } from "../context.ts";
import { usage } from "../flags.ts";
import { present } from "../present.ts";
import { confirmPlan } from "./confirm-plan.ts";
import { followRun } from "./follow-run.ts";

interface ProbeRequest {
  readonly platform: string | undefined;
  /** As in a job file; absent: any card. */
  readonly gpu: string | undefined;
  readonly host: string | undefined;
  /** Is nobody to be asked before a machine is rented? */
  readonly isAgreed: boolean;
}

/**
 * `doctor PLATFORM --probe`: a run that does nothing but have its machine measured. So it is rented, paid, proven to be
 * gone and kept in the ledger like any other.
 */
export async function probePlatform(
  { platform, gpu, host, isAgreed }: ProbeRequest,
  context: CommandContext,
): Promise<readonly DoctorCheck[]> {
  if (platform === undefined && host === undefined)
    throw usage("--probe measures a machine of one platform.", "Write gpujob doctor NAME --probe.");
  if (!isAgreed && !context.canAsk)
    throw usage(
      "--probe may rent a machine, and there is no terminal to ask on.",
      "Add -y to rent without being asked.",
    );
  const gpujob = await openAdopting(context);
  const job = {
    name: "probe",
    run: "true",
    probe: "quick",
    market: "auto",
    resources: { gpu: gpu ?? "1.." },
    ...(platform === undefined ? {} : { platforms: [platform] }),
    expectedTime: "5m",
    limits: { time: "30m", hold: "1m" },
  };
  const run = await gpujob.submit(
    { job, ...present({ host }), confirm: confirmPlan(isAgreed, context) },
    { signal: context.signal },
  );
  const followed = await followRun(run, gpujob, context);
  return readChecks(await gpujob.showRun(run.id), followed.isDetached);
}

/** One line for each machine that was tried: what it does, or why it was given back. */
function readChecks(run: RunDetail, isDetached: boolean): readonly DoctorCheck[] {
  const checks = run.timeline.flatMap(({ type, attempt, message }): readonly DoctorCheck[] => {
    const tried = run.attempts.find(({ number }) => number === attempt);
    const subject = tried?.platform ?? "probe";
    const name = tried?.offerId ?? "machine";
    if (type === "node-failed") return [{ subject, name, state: "failed", message }];
    if (type !== "node-ready") return [];
    const state = message.includes("Not measured:") ? "warning" : "ok";
    return [{ subject, name, state, message }];
  });
  const isOver = isDetached || run.state === "succeeded";
  return isOver
    ? checks
    : [
        ...checks,
        {
          subject: run.platform ?? "probe",
          name: "run",
          state: "failed",
          message: run.failure?.message ?? run.reason ?? `It is ${run.state}.`,
          ...present({ hint: run.failure?.hint }),
        },
      ];
}
