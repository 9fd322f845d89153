import type { RunRow } from "@gpujob/store";
import { submissionOf } from "./runs.ts";
import type { SetUp, Workshop } from "./workshop.ts";

/** The configuration as it is now, with the platforms that the run itself brought. */
export async function setUpFor(workshop: Workshop, row: RunRow): Promise<SetUp> {
  return workshop.setUp({ extra: submissionOf(row).platforms ?? [] });
}
