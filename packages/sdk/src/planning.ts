/**
 * What a plan needs and no more: without the engine and SSH, which take as long to load as all of this to do its work.
 * One import of many, as in `on-demand.ts`.
 */
export { loadConfiguration } from "./configuration.ts";
export { readExperiences } from "./experiences.ts";
export { createOfferCache } from "./offer-cache.ts";
export { listOffers } from "./offers.ts";
export { readPastPlan } from "./past-plans.ts";
export { prepareJob } from "./plan.ts";
export { createPlanner } from "./planner.ts";
export { createPlatforms } from "./platforms.ts";
