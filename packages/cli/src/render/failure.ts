import type { Failure } from "@gpujob/spec";
import { paint } from "./style.ts";
import { tame, wrap } from "./text.ts";
import type { View } from "./view.ts";

/** What went wrong and what to do next. The message may have lines of its own, as a parser's with a position. */
export function renderFailure(failure: Failure, view: View): readonly string[] {
  const [first = "", ...others] = failure.message.split("\n").map(tame);
  return [
    ...wrap(`${paint("Error:", "bad", view)} ${first}`, view.columns, "  "),
    ...others,
    ...(failure.hint === undefined ? [] : wrap(`  ${tame(failure.hint)}`, view.columns, "  ")),
  ];
}
