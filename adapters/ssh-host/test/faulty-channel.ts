import { PassThrough } from "node:stream";
import { localChannel } from "@gpujob/adapter-kit/testing";
import type { Channel, Connect, Execution, PlatformErrorKind } from "@gpujob/spec";
import { PlatformError } from "@gpujob/spec";

/** What happens at the next step of this kind on the host. */
type Fault =
  | { readonly kind: "fail"; readonly error: PlatformErrorKind }
  | { readonly kind: "hang" }
  /** The step has its effect, and its answer is lost with the connection. */
  | { readonly kind: "lose" }
  | { readonly kind: "damage" };

/** Names of the script's steps by the contract's calls. */
const steps = {
  offers: "state",
  list: "state",
  get: "lease",
  create: "create",
  release: "release",
} as const;

/** A `connect` to this machine whose next step can be made to go wrong. */
export interface FaultyHosts {
  readonly connect: Connect;
  readonly next: (on: string, fault: Fault) => void;
}

/** Makes one; each fault happens once. */
export function makeFaultyHosts(env: NodeJS.ProcessEnv): FaultyHosts {
  let waiting: { readonly step: string; readonly fault: Fault } | undefined;
  const connect: Connect = async () => {
    const local = localChannel({ env });
    const exec: Channel["exec"] = (argv, wait) => {
      const found = waiting !== undefined && argv[5] === waiting.step ? waiting.fault : undefined;
      if (found === undefined) return local.exec(argv, wait);
      waiting = undefined;
      return misbehave(found, local, argv, wait.signal);
    };
    return { exec, close: () => local.close() };
  };
  return {
    connect,
    next: (on, fault) => {
      const step = Object.entries(steps).find(([name]) => name === on)?.[1];
      if (step === undefined) throw new Error(`There is no step for ${on}.`);
      waiting = { step, fault };
    },
  };
}

function misbehave(
  fault: Fault,
  local: Channel,
  argv: readonly string[],
  signal: AbortSignal,
): Execution {
  switch (fault.kind) {
    case "fail":
      throw new PlatformError(fault.error, "the host refused");
    case "hang":
      return silentExecution(signal);
    case "damage":
      // The eighth word is the packed ownership.
      return local.exec(argv.with(7, "gj-damaged"), { signal });
    case "lose": {
      const execution = local.exec(argv, { signal });
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
