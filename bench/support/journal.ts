import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createRealClock } from "@gpujob/adapter-kit/testing";
import { openStore } from "@gpujob/store";
import type { EventRow } from "@gpujob/store";
import { until } from "./gpujob.ts";

/** The journal of the newest run of a home, as another process reads it. */
export interface Journal {
  readonly list: (type: string) => Promise<readonly EventRow[]>;
  /** Waits until there are more events of a type than `known`; gives the newest. */
  readonly next: (type: string, known?: number) => Promise<EventRow>;
  readonly close: () => Promise<void>;
}

/** Opens it once there is a run. */
export async function openJournal(home: string): Promise<Journal> {
  const newId = (): string => randomBytes(6).toString("hex");
  const path = join(home, "state", "gpujob.db");
  const store = await openStore({ path, clock: createRealClock(), newId });
  const list = async (type: string): Promise<readonly EventRow[]> => {
    const [run] = await store.listRuns({ limit: 1 });
    if (run === undefined) return [];
    return (await store.listEvents(run.runId)).filter((event) => event.type === type);
  };
  return {
    list,
    async next(type, known = 0) {
      await until(async () => (await list(type)).length > known, `An event ${type}`);
      const event = (await list(type)).at(-1);
      if (event === undefined) throw new Error(`The journal has no ${type}.`);
      return event;
    },
    close: () => store.close(),
  };
}
