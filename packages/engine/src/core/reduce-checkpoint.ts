import type { Draft } from "./draft.ts";
import { clear, update, updateAttempt } from "./draft.ts";
import type { RunEvent } from "./events.ts";

type Of<Type extends RunEvent["type"]> = RunEvent & { readonly type: Type };

export function applyCheckpointSaved(draft: Draft, event: Of<"checkpoint-saved">): void {
  updateAttempt(draft, event.attempt, { saved: event.checkpoint });
  update(draft, { checkpoint: event.checkpoint });
  if (event.skipped === 0) clear(draft, "unsaved");
  else noteUnsaved(draft, event, false);
}

/** Files of the checkpoint folder that could not be copied: the user is told for as long as that is so. */
export function noteUnsaved(
  draft: Draft,
  event: Of<"checkpoint-saved"> | Of<"checkpoint-missed">,
  isAll: boolean,
): void {
  const { skipped: count, leftOut: files = [] } = event;
  const since = draft.context.unsaved?.since ?? event.at;
  update(draft, { unsaved: { since, count, files, isAll } });
}
