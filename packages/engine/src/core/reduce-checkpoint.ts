import type { Draft } from "./draft.ts";
import { clear, update, updateAttempt } from "./draft.ts";
import type { RunEvent } from "./events.ts";

type Of<Type extends RunEvent["type"]> = RunEvent & { readonly type: Type };

export function applyCheckpointSaved(draft: Draft, event: Of<"checkpoint-saved">): void {
  updateAttempt(draft, event.attempt, { saved: event.checkpoint });
  const newest = draft.context.checkpoint?.attempt ?? 0;
  // The last word of an attempt that was given up while the store could not be written.
  if (newest > event.attempt) return;
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
