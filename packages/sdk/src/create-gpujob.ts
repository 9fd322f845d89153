import { createActions } from "./act-on-runs.ts";
import type { Gpujob, GpujobOptions } from "./gpujob.ts";
import { createHome } from "./look-after-home.ts";
import { findRun } from "./runs.ts";
import { createViews } from "./look-at-runs.ts";
import { createReach } from "./reach-runs.ts";
import { openWorkshop } from "./workshop.ts";

/**
 * Opens gpujob for one home folder. What is large (schemas, engine, SSH) is loaded by the first call that needs it, so that
 * looking at runs starts fast. Contacts nothing and writes nothing before the first call.
 */
export function createGpujob(options: GpujobOptions = {}): Gpujob {
  const workshop = openWorkshop(options);
  return {
    async plan(input, planOptions) {
      const { prepareJob } = await import("./planning.ts");
      return (await prepareJob(workshop, input, { freshness: "usual", ...planOptions })).result;
    },
    async pastPlan(reference) {
      const { readPastPlan } = await import("./planning.ts");
      const store = await workshop.store();
      return readPastPlan(store, await findRun(store, reference));
    },
    async submit(submitOptions, wait) {
      const { submit } = await import("./on-demand.ts");
      return submit(workshop, submitOptions, wait);
    },
    async offers(filter, wait) {
      const { listOffers } = await import("./planning.ts");
      return listOffers(workshop, filter, wait);
    },
    ...createViews(workshop),
    ...createActions(workshop),
    ...createReach(workshop),
    ...createHome(workshop),
    close: () => workshop.close(),
  };
}
