import { GpujobError } from "@gpujob/spec";
import { defineCommand } from "../definition.ts";

/** Serves a team. Not yet. */
export const serve = defineCommand({
  name: "serve",
  summary: "Serve a team and a web page (not yet)",
  examples: [],
  args: { words: { summary: "Anything", multiple: true } },
  flags: {},
  hidden: true,
  run: () => refuse("serve"),
});

function refuse(name: string): Promise<never> {
  return Promise.reject(
    new GpujobError("not_yet", `${name} is not there yet.`, {
      hint: "See gpujob --help for what there is.",
    }),
  );
}
