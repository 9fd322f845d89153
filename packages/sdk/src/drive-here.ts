import { driveRun } from "@gpujob/engine";
import type { DriveEnd, DriverEvent } from "@gpujob/engine";
import type { RunView } from "@gpujob/spec";
import { GpujobError } from "@gpujob/spec";
import { StoreGoneError } from "@gpujob/store";
import { isFreeToDrive, startDriver } from "./background.ts";
import { createBeatKeeper } from "./beat-file.ts";
import { createEventHub } from "./event-hub.ts";
import type { EventHub } from "./event-hub.ts";
import type { RunEvent, SubmittedRun } from "./gpujob.ts";
import { createLiveEvents } from "./live-events.ts";
import { readLogs } from "./logs.ts";
import { readBillsBeside } from "./platform-bills.ts";
import { createPortKeeper } from "./port-keeper.ts";
import type { PortKeeper } from "./port-keeper.ts";
import { knownSecrets, redactLogs } from "./redact-logs.ts";
import { findRun, submissionOf, toRunView } from "./runs.ts";
import { forwardPorts } from "./shell.ts";
import type { SetUp, Workshop } from "./workshop.ts";

/** Drives a run in this process and tells what happens; follows it when somebody else drives it already. */
export async function driveHere(
  workshop: Workshop,
  setUp: SetUp,
  runId: string,
  { isNew }: { readonly isNew: boolean },
): Promise<SubmittedRun> {
  const { around } = workshop;
  const store = await workshop.store();
  const hub = createEventHub<RunEvent>();
  const wake = createBell();
  const live = createLiveEvents(around.clock, submissionOf(await findRun(store, runId)));
  const keeper = await keepPorts(workshop, setUp, runId, hub);
  const early = Promise.withResolvers<{ readonly kind: "early" }>();
  const keepBeat = createBeatKeeper({ home: around.home, runId, now: () => around.clock.now() });
  const ports = await setUp.enginePorts((event: DriverEvent) => {
    keepBeat(event);
    if (event.type === "journal") {
      keeper?.hear(event.event);
      if (isWorthTelling(event)) early.resolve({ kind: "early" });
    }
    if (event.type === "log" || event.type === "journal") wake.ring();
    for (const each of live(event)) hub.publish(each);
  });
  const letGo = new AbortController();
  const events = hub.listen();
  const view = async (): Promise<RunView> =>
    toRunView(await findRun(store, runId), around.clock.now());
  const over = new AbortController();
  const isOver = async (): Promise<boolean> => over.signal.aborted;
  const logs = publishLogs(workshop, runId, hub, { isOver, wake: wake.wait });
  // A log that cannot be read ends the display; the run goes on, and says itself what it cannot do.
  logs.catch(() => undefined);

  const driving = driveOrFollow();
  driving.catch(() => undefined);
  await readBillsBeside(workshop, setUp);

  /** Follows whoever drives the run, and takes its place when it dies. */
  async function driveOrFollow(): Promise<DriveEnd> {
    while (!letGo.signal.aborted) {
      if (await isFreeToDrive(store, runId, around.clock.now())) {
        const end = await driveRun(ports, runId, { signal: letGo.signal });
        if (end.kind !== "taken") return end;
      }
      if ((await store.loadRun(runId))?.settledAt !== undefined) return { kind: "settled" };
      await around.clock.sleep(followPollMs, { signal: letGo.signal }).catch(() => undefined);
    }
    return { kind: "handed-over" };
  }

  async function drive(): Promise<RunView> {
    try {
      const end = await Promise.race([driving, early.promise]);
      if (end.kind === "needs-credentials") {
        throw new GpujobError(
          "needs_credentials",
          `Secrets of ${runId} are missing: ${end.missing.join("; ")}`,
          {
            hint: "Set them and run any gpujob command: it goes on then.",
          },
        );
      }
      return await view();
    } finally {
      over.abort();
      wake.ring();
      await keeper?.close();
      // The rest of the log goes at the listener's own pace; the result waits for nobody.
      void logs.catch(() => undefined).finally(hub.end);
    }
  }

  const result = drive();
  // Whoever awaits `result` gets the error; nobody may be awaiting it yet.
  result.catch(() => undefined);
  const running: SubmittedRun = {
    id: runId,
    isNew,
    events,
    result,
    async detach() {
      letGo.abort(new GpujobError("aborted", "Handed over."));
      await driving.catch(() => undefined);
      await startDriver(runId, around, workshop.options.driverCommand);
    },
    async stop({ now, reason }) {
      const payload = JSON.stringify({ reason, isNow: now === true });
      await store.addWish({ runId, kind: "stop", payload, at: around.clock.now() });
    },
  };
  const forget = workshop.onClose(async () => {
    if ((await store.loadRun(runId))?.settledAt === undefined && !letGo.signal.aborted)
      await running.detach();
  });
  void driving.then(
    ({ kind }) => (kind === "settled" ? forget() : undefined),
    // Where the state is gone, a background driver would have nothing to go on with.
    (error: unknown) => (error instanceof StoreGoneError ? forget() : undefined),
  );
  return running;
}

/**
 * Nobody waits here for a proof that does not come, nor for the end of a kept machine: the result is told, and a driver
 * goes on with the rest.
 */
function isWorthTelling({ event, snapshot }: DriverEvent & { readonly type: "journal" }): boolean {
  if (event.type === "release-unconfirmed") return true;
  const attempt = snapshot.context.attempts[snapshot.context.current - 1];
  return snapshot.phase === "holding" && attempt?.isCollected === true;
}

/** `ports:` of the job on this machine, while somebody is attached. */
async function keepPorts(
  workshop: Workshop,
  setUp: SetUp,
  runId: string,
  hub: EventHub<RunEvent>,
): Promise<PortKeeper | undefined> {
  const { around } = workshop;
  const store = await workshop.store();
  const { ports } = submissionOf(await findRun(store, runId)).job;
  if (ports.length === 0) return undefined;
  const reach = { store, platforms: setUp.platforms, access: await workshop.access(), around };
  const { signal } = new AbortController();
  return createPortKeeper({
    open: async () => forwardPorts(reach, await findRun(store, runId), ports, { signal }),
    tell: (level, message) =>
      hub.publish({ type: "notice", at: around.clock.now(), level, message }),
  });
}

/** The log as events, read from the file that the driver writes: a slow listener holds up nothing but itself. */
async function publishLogs(
  workshop: Workshop,
  runId: string,
  hub: EventHub<RunEvent>,
  options: {
    readonly isOver: () => Promise<boolean>;
    readonly wake: (wait: { readonly signal: AbortSignal }) => Promise<void>;
  },
): Promise<void> {
  const { around } = workshop;
  const { signal } = new AbortController();
  const source = { home: around.home, runId, clock: around.clock, ...options };
  const { job } = submissionOf(await findRun(await workshop.store(), runId));
  const chunks = readLogs(source, { follow: true, attempt: "all", signal });
  for await (const chunk of redactLogs(chunks, await knownSecrets(job, around))) {
    await hub.drained();
    hub.publish({ type: "log", at: around.clock.now(), ...chunk });
  }
}

const followPollMs = 250;

/** Wakes those who wait, and remembers a ring that nobody heard. */
function createBell(): {
  readonly ring: () => void;
  readonly wait: (wait: { readonly signal: AbortSignal }) => Promise<void>;
} {
  let bell = Promise.withResolvers<void>();
  return {
    ring: () => bell.resolve(),
    async wait({ signal }) {
      const { promise } = bell;
      const stopped = Promise.withResolvers<void>();
      const timer = setTimeout(stopped.resolve, 500);
      signal.addEventListener("abort", () => stopped.resolve(), { once: true });
      await Promise.race([promise, stopped.promise]);
      clearTimeout(timer);
      bell = Promise.withResolvers<void>();
    },
  };
}
