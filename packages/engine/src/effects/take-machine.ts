import type { Store } from "@gpujob/store";
import { GpujobError } from "@gpujob/spec";
import type { Attempt } from "../core/context.ts";
import type { Snapshot } from "../core/decide.ts";
import { readStored } from "../core/stored-json.ts";
import type { Work } from "./work.ts";

const askEveryMs = 250;

/** The kept machine of another run, once that run has given it to this one; asks for it until then. */
export async function takeMachine(work: Work, from: string): Promise<Attempt> {
  const { ports, submission } = work.session;
  const to = submission.runId;
  const asked = await ports.store.listWishes(from);
  if (!asked.some((wish) => wish.kind === "give" && wish.payload.includes(to))) {
    const payload = JSON.stringify({ to });
    await ports.store.addWish({ runId: from, kind: "give", payload, at: ports.clock.now() });
  }
  for (;;) {
    const attempt = await findGiven(ports.store, from, to);
    if (attempt !== undefined) return attempt;
    await ports.clock.sleep(askEveryMs, { signal: work.signal });
  }
}

/** The attempt whose machines were given to a run; throws when they are gone instead. */
export async function findGiven(
  store: Store,
  from: string,
  to: string,
): Promise<Attempt | undefined> {
  const given = (await store.listEvents(from)).find((event) => event.type === "lease-given");
  if (given !== undefined && readStored<{ readonly to: string }>(given.data).to === to) {
    const row = await store.loadRun(from);
    const snapshot = row === undefined ? undefined : readStored<Snapshot>(row.snapshot);
    return snapshot?.context.attempts.find((attempt) =>
      attempt.members.some((member) => member.state === "given"),
    );
  }
  const row = await store.loadRun(from);
  if (row?.settledAt === undefined && given === undefined) return undefined;
  throw new GpujobError("not_found", `The machine of ${from} is no longer kept.`);
}
