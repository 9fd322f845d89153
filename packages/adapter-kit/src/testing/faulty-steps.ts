import { PassThrough } from "node:stream";
import type { Channel, Connect, Execution, PlatformErrorKind } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";
import type { FaultTarget } from "./fake-faults.ts";

/** What happens at the next step of this kind on a machine. */
export type StepFault =
  | { readonly do: "fail"; readonly kind: PlatformErrorKind }
  /** The step is asked for and never answers. */
  | { readonly do: "hang" }
  /** The step has its effect, and its answer is lost with the connection. */
  | { readonly do: "lose-reply" }
  /** The packed ownership is written down so that nobody can read it. */
  | { readonly do: "damage-tags" };

/** Steps of the scripts of adapters that ask machines themselves, by the contract's calls. */
const steps: Partial<Record<FaultTarget, string>> = {
  offers: "state",
  list: "state",
  get: "lease",
  create: "create",
  extend: "extend",
  release: "release",
};

/** A `connect` to machines whose next step can be made to go wrong. */
export interface FaultySteps {
  readonly connect: Connect;
  /** Each machine meets the fault once where all are asked, and the first that is asked alone where one is. */
  readonly next: (on: FaultTarget, fault: StepFault) => void;
  /** Does a step hang since the last `next`? */
  readonly hasHung: () => boolean;
}

/**
 * Puts faults between an adapter and machines that it asks by a script of its own. `stepAt` is the place of the step's
 * name in the script's words; lease key and packed ownership follow it.
 */
export function makeFaultySteps(connect: Connect, stepAt: number): FaultySteps {
  let waiting: { readonly step: string; readonly fault: StepFault } | undefined;
  let isHanging = false;
  const met = new Set<string>();
  const take = (machine: string, step: string | undefined): StepFault | undefined => {
    if (waiting === undefined || step !== waiting.step || met.has(machine)) return undefined;
    const { fault } = waiting;
    if (step === steps.list) met.add(machine);
    else waiting = undefined;
    return fault;
  };
  return {
    connect: async (access, wait) => {
      const channel = await connect(access, wait);
      const machine = access.kind === "ssh" ? `${access.host}:${access.port}` : access.kind;
      const exec: Channel["exec"] = (argv, options) => {
        const fault = take(machine, argv[stepAt]);
        if (fault === undefined) return channel.exec(argv, options);
        isHanging ||= fault.do === "hang";
        return misbehave(fault, channel, argv, { stepAt, signal: options.signal });
      };
      return { exec, close: () => channel.close() };
    },
    next: (on, fault) => {
      const step = steps[on];
      if (step === undefined) throw new Error(`There is no step for ${on}.`);
      waiting = { step, fault };
      isHanging = false;
      met.clear();
    },
    hasHung: () => isHanging,
  };
}

function misbehave(
  fault: StepFault,
  channel: Channel,
  argv: readonly string[],
  { stepAt, signal }: { readonly stepAt: number; readonly signal: AbortSignal },
): Execution {
  switch (fault.do) {
    case "fail":
      throw new PlatformError(fault.kind, "the machine refused");
    case "hang":
      return silentExecution(signal);
    case "damage-tags":
      return channel.exec(argv.with(stepAt + 2, "gj-damaged"), { signal });
    case "lose-reply": {
      const execution = channel.exec(argv, { signal });
      const lost = execution.exit.then((): never => {
        throw new PlatformError("unreachable", "the connection broke");
      });
      lost.catch(() => undefined);
      return { ...execution, exit: lost };
    }
  }
}

/** A program that never says anything. */
function silentExecution(signal: AbortSignal): Execution {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const exit = new Promise<never>((_resolve, reject) => {
    const stop = (): void => {
      const error = new PlatformError("aborted", "cancelled");
      for (const stream of [stdout, stderr]) stream.on("error", () => undefined).destroy(error);
      reject(error);
    };
    signal.addEventListener("abort", stop, { once: true });
  });
  exit.catch(() => undefined);
  return { stdin, stdout, stderr, exit };
}
